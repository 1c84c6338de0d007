import { describe, expect, test } from 'vitest';
import { Scene } from './conformance.testing.ts';
import { createGrpcJsServer } from './grpc-js.ts';
import { createGrpcServer, serveHealth, Status, type GrpcServer, type Health } from './index.ts';

/** A provider whose answers the test sets. */
class Board {
  readonly statuses = new Map<string, Health>([['', 'serving']]);
  readonly listeners = new Set<() => void>();
  status(service: string): Health | undefined {
    return this.statuses.get(service);
  }
  subscribe(changed: () => void): () => void {
    this.listeners.add(changed);
    return () => this.listeners.delete(changed);
  }
  set(service: string, health: Health): void {
    this.statuses.set(service, health);
    for (const listener of this.listeners) listener();
  }
}

const request = (service: string): Buffer =>
  service === ''
    ? Buffer.alloc(0)
    : Buffer.concat([
        service.length < 128
          ? Buffer.of(0x0a, service.length)
          : Buffer.of(0x0a, (service.length % 128) | 128, Math.floor(service.length / 128)),
        Buffer.from(service),
      ]);

const transports: Readonly<Record<string, () => GrpcServer>> = {
  'our HTTP/2': createGrpcServer,
  'grpc-js': createGrpcJsServer,
};

describe.each(Object.entries(transports))('health on %s', (_, create) => {
  const open = async (board = new Board()): Promise<Scene> => {
    const server = create();
    serveHealth(server, board);
    return new Scene(server).listen();
  };

  test.each<readonly [Health, string]>([
    ['serving', '0801'],
    ['not-serving', '0802'],
    ['unknown', ''],
  ])('Check answers %s', async (health, wire) => {
    const board = new Board();
    await using scene = await open(board);
    const long = 'envoy.service.ext_proc.v3.ExternalProcessor'.repeat(4);
    board.set(long, health);
    const { messages, status } = await scene.ask('/grpc.health.v1.Health/Check', request(long));
    expect(status.code).toBe(Status.ok);
    expect(messages.map((message) => message.toString('hex'))).toEqual([wire]);
  });

  test.each<readonly [string, readonly Buffer[], Status]>([
    ['a service that nobody knows', [request('nobody')], Status.notFound],
    ['no request', [], Status.invalidArgument],
    ['bytes that are no request', [Buffer.of(0x10, 1)], Status.invalidArgument],
    ['a request cut short', [Buffer.of(0x0a, 9, 65)], Status.invalidArgument],
  ])('Check refuses %s', async (_, messages, code) => {
    await using scene = await open();
    const { status } = await scene.ask('/grpc.health.v1.Health/Check', ...messages);
    expect(status.code).toBe(code);
  });

  test('Watch tells the status and its changes, also of a service that appears later', async () => {
    const board = new Board();
    await using scene = await open(board);
    const { stream, done } = scene.call('/grpc.health.v1.Health/Watch');
    const next = (): Promise<string> =>
      new Promise((resolve) =>
        stream.once('data', (message: Buffer) => {
          resolve(message.toString('hex'));
        }),
      );
    stream.end(request('late'));
    expect(await next()).toBe('0803');
    board.set('late', 'not-serving');
    expect(await next()).toBe('0802');
    board.set('late', 'not-serving');
    board.set('late', 'serving');
    expect(await next()).toBe('0801');
    expect(board.listeners.size).toBe(1);
    stream.cancel();
    await done;
    while (board.listeners.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
