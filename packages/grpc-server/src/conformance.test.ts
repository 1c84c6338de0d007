import { compressionAlgorithms, Metadata } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { certificate, Scene, type ClientCall, type Heard } from './conformance.testing.ts';
import { createGrpcJsServer } from './grpc-js.ts';
import { createGrpcServer, Status, type GrpcServer, type GrpcStream } from './index.ts';

interface ServerOptions {
  readonly maxReceiveBytes?: number;
}
const transports: Readonly<Record<string, (options?: ServerOptions) => GrpcServer>> = {
  'our HTTP/2': createGrpcServer,
  'grpc-js': createGrpcJsServer,
};

const isOk = ({ status }: Heard): boolean => {
  // grpc-js' own enum has the same numbers.
  const code: number = status.code;
  return code === Status.ok;
};

const once = (stream: NodeJS.EventEmitter, event: string): Promise<unknown> =>
  new Promise((resolve) => stream.once(event, resolve));

describe.each(Object.entries(transports))('a server on %s', (name, create) => {
  const open = (options?: ServerOptions): Promise<Scene> => new Scene(create(options)).listen();

  test('echoes messages in order and ends with status and trailers', async () => {
    await using scene = await open();
    const sent = ['one', '', 'three'].map((text) => Buffer.from(text));
    const { messages, status } = await scene.ask('/t/Echo', ...sent);
    expect(messages.map(String)).toEqual(['one', '', 'three']);
    expect(status.code).toBe(Status.ok);
    expect(status.metadata.get('x-text').join()).toMatch(/^a, ?b$|^a,b$/);
    expect(status.metadata.get('x-raw-bin')).toEqual([Buffer.of(0, 255)]);
    await scene.until(() => scene.closes.length === 1);
    expect(scene.closes).toMatchObject([{ reason: 'finished' }]);
  });

  test('answers while the client is still sending', async () => {
    await using scene = await open();
    const { stream, done } = scene.call('/t/Echo');
    for (const text of ['a', 'b', 'c']) {
      stream.write(Buffer.from(text));
      expect(String(await once(stream, 'data'))).toBe(text);
    }
    stream.end();
    expect((await done).status.code).toBe(Status.ok);
  });

  test('carries status messages of any text, also before any message', async () => {
    await using scene = await open();
    const { status } = await scene.ask('/t/Fail');
    expect(status).toMatchObject({ code: Status.invalidArgument, details: 'bad: ü %\n' });
  });

  test('hands the handler method and metadata, text and binary', async () => {
    await using scene = await open();
    const metadata = new Metadata();
    metadata.add('X-Text', 'one');
    metadata.add('x-text', 'two');
    metadata.add('x-raw-bin', Buffer.of(1, 2, 254));
    const { stream, done } = scene.call('/t/Describe', { metadata });
    stream.end();
    const { messages } = await done;
    const described = JSON.parse(String(messages[0])) as { text: string[] };
    expect(described).toMatchObject({ method: '/t/Describe', binary: '0102fe', absent: null });
    expect(described.text.join(', ')).toBe('one, two');
  });

  test('answers UNIMPLEMENTED for a method without handler', async () => {
    await using scene = await open();
    expect((await scene.ask('/t/Nothing')).status.code).toBe(Status.unimplemented);
  });

  test('ends a call whose handler throws with INTERNAL and tells nothing of the fault', async () => {
    await using scene = await open();
    const { status } = await scene.ask('/t/Throw', Buffer.from('x'));
    expect(status).toMatchObject({ code: Status.internal, details: 'internal error' });
  });

  test.each([1, 16_379, 16_380, 65_531, 1_000_000])(
    'passes a message of %i bytes whole',
    async (size) => {
      await using scene = await open();
      const message = Buffer.alloc(size, 'abcdefg');
      const { messages } = await scene.ask('/t/Echo', message);
      expect(messages).toHaveLength(1);
      expect(messages[0]?.equals(message)).toBe(true);
    },
  );

  test('takes a message of 10 MB where that is allowed', { timeout: 30_000 }, async () => {
    await using scene = await open({ maxReceiveBytes: 11_000_000 });
    const message = Buffer.alloc(10_000_000, 'abcdefg');
    const { messages } = await scene.ask('/t/Echo', message);
    expect(messages[0]?.equals(message)).toBe(true);
  });

  test('refuses a message above the limit with RESOURCE_EXHAUSTED', async () => {
    await using scene = await open({ maxReceiveBytes: 1000 });
    expect((await scene.ask('/t/Echo', Buffer.alloc(1000))).status.code).toBe(Status.ok);
    const { status } = await scene.ask('/t/Echo', Buffer.alloc(1001));
    expect(status.code).toBe(Status.resourceExhausted);
  });

  test('reads gzip', async () => {
    await using scene = await open();
    const gzip = { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip };
    const client = scene.connect(undefined, gzip);
    const { stream, done } = scene.call('/t/Echo', { client });
    const message = Buffer.alloc(100_000, 'abc');
    stream.end(message);
    const { messages, status } = await done;
    client.close();
    expect(status.code).toBe(Status.ok);
    expect(messages[0]?.equals(message)).toBe(true);
  });

  test('serves a thousand streams at once', { timeout: 30_000 }, async () => {
    await using scene = await open();
    const calls = Array.from({ length: 1000 }, () => scene.call('/t/Hold'));
    for (const { stream } of calls) stream.write(Buffer.from('x'));
    await scene.until(() => scene.streams.length === 1000);
    for (const stream of scene.streams) stream.end(Status.ok);
    const heard = await Promise.all(calls.map(({ done }) => done));
    expect(heard.filter(isOk)).toHaveLength(1000);
  });

  test('tells a reset by the client, before and after an answer', async () => {
    await using scene = await open();
    const silent = scene.call('/t/Hold');
    await scene.until(() => scene.streams.length === 1);
    silent.stream.cancel();
    await scene.until(() => scene.closes.length === 1);

    const answered = scene.call('/t/Hold');
    answered.stream.write(Buffer.from('x'));
    await once(answered.stream, 'data');
    answered.stream.cancel();
    await scene.until(() => scene.closes.length === 2);

    expect(scene.closes.map(({ reason }) => reason)).toEqual(['reset', 'reset']);
    expect(scene.streams.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(scene.streams[0]?.send(Buffer.from('too late'))).toBe(false);
  });

  test.each<readonly [string, (call: ClientCall) => Promise<void>]>([
    ['before anything was sent', () => Promise.resolve()],
    [
      'in the middle of a message',
      ({ stream }) => {
        stream.write(Buffer.alloc(3_000_000));
        return Promise.resolve();
      },
    ],
    [
      'after its half-close',
      ({ stream }) => {
        stream.end(Buffer.from('x'));
        return once(stream, 'data').then(() => undefined);
      },
    ],
    [
      'between messages',
      async ({ stream }) => {
        stream.write(Buffer.from('x'));
        await once(stream, 'data');
        stream.write(Buffer.from('y'));
      },
    ],
  ])('outlives a client that cancels %s', async (_, act) => {
    await using scene = await open();
    for (let round = 0; round < 20; round++) {
      const call = scene.call('/t/Hold');
      await act(call);
      call.stream.cancel();
      await call.done;
    }
    const { status } = await scene.ask('/t/Echo', Buffer.from('still here'));
    expect(status.code).toBe(Status.ok);
    await scene.until(() => scene.closes.length === scene.streams.length + 1);
  });

  test('keeps the deadline of the client', async () => {
    await using scene = await open();
    const { done } = scene.call('/t/Hold', { call: { deadline: Date.now() + 50 } });
    expect((await done).status.code).toBe(Status.deadlineExceeded);
    await scene.until(() => scene.closes.length === 1);
    // Whose timer fires first is a matter of chance.
    expect(['deadline', 'reset']).toContain(scene.closes[0]?.reason);
  });

  test('a paused stream hears nothing until it is resumed, and then everything', async () => {
    await using scene = await open();
    const heard: string[] = [];
    const resumed = Promise.withResolvers<undefined>();
    scene.server.handle('/t/Pause', (stream) => {
      stream.pause();
      void resumed.promise.then(() => {
        stream.resume();
      });
      return {
        onMessage: (message) => heard.push(String(message)),
        onHalfClose: () => {
          stream.end(Status.ok);
        },
      };
    });
    const done = scene.ask('/t/Pause', Buffer.from('1'), Buffer.from('2'));
    // A whole other call passes meanwhile.
    await scene.ask('/t/Echo', Buffer.from('x'));
    expect(heard).toEqual([]);
    resumed.resolve(undefined);
    expect((await done).status.code).toBe(Status.ok);
    expect(heard).toEqual(['1', '2']);
  });

  test('a paused stream stops its sender and not the others', { timeout: 30_000 }, async () => {
    await using scene = await open();
    const held = Promise.withResolvers<GrpcStream>();
    let bytes = 0;
    scene.server.handle('/t/Pause', (stream) => {
      stream.pause();
      held.resolve(stream);
      return {
        onMessage: (message) => (bytes += message.length),
        onHalfClose: () => {
          stream.end(Status.ok);
        },
      };
    });
    const { stream, done } = scene.call('/t/Pause');
    const total = 64;
    for (let i = 0; i < total; i++) stream.write(Buffer.alloc(100_000));
    stream.end();
    // grpc-js shares its connection's window between streams, so only ours lets the others pass.
    if (name === 'our HTTP/2') {
      const others = await Promise.all(
        Array.from({ length: 20 }, () => scene.ask('/t/Echo', Buffer.alloc(50_000))),
      );
      expect(others.every(isOk)).toBe(true);
    }
    const paused = await held.promise;
    expect(bytes).toBe(0);
    paused.resume();
    expect((await done).status.code).toBe(Status.ok);
    expect(bytes).toBe(total * 100_000);
  });

  test('a sender is told to wait and when to go on', { timeout: 30_000 }, async () => {
    await using scene = await open();
    const total = 200;
    let waits = 0;
    scene.server.handle('/t/Flood', (stream) => {
      let sent = 0;
      const chunk = Buffer.alloc(50_000, 'x');
      const go = (): void => {
        while (sent < total) {
          sent++;
          if (!stream.send(chunk)) {
            waits++;
            if (sent < total) return;
          }
        }
        stream.end(Status.ok);
      };
      return { onMessage: go, onDrain: go };
    });
    const { messages, status } = await scene.ask('/t/Flood', Buffer.from('go'));
    expect(status.code).toBe(Status.ok);
    expect(messages).toHaveLength(total);
    expect(waits).toBeGreaterThan(0);
  });

  test('drains: open streams end well, new ones go elsewhere, then it is gone', async () => {
    await using scene = await open();
    const { stream, done } = scene.call('/t/Hold');
    stream.write(Buffer.from('x'));
    await once(stream, 'data');
    const drained = scene.server.drain(60_000);
    scene.streams[0]?.end(Status.ok);
    expect((await done).status.code).toBe(Status.ok);
    await drained;
    const late = scene.call('/t/Echo', { call: { deadline: Date.now() + 200 } });
    const { code } = (await late.done).status;
    expect([Status.unavailable, Status.deadlineExceeded]).toContain(code);
  });

  test('drains no longer than it may', async () => {
    await using scene = await open();
    const { stream, done } = scene.call('/t/Hold');
    stream.write(Buffer.from('x'));
    await once(stream, 'data');
    await scene.server.drain(20);
    expect((await done).status.code).not.toBe(Status.ok);
    expect(scene.closes).toHaveLength(1);
  });

  test('closing ends everything at once', async () => {
    await using scene = await open();
    const { done } = scene.call('/t/Hold');
    await scene.until(() => scene.streams.length === 1);
    await scene.server.close();
    expect((await done).status.code).not.toBe(Status.ok);
    expect(scene.closes).toHaveLength(1);
  });

  test('speaks TLS with HTTP/2 by ALPN', async () => {
    await using scene = await new Scene(create()).listen({ tls: certificate('first') });
    const { messages, status } = await scene.ask('/t/Echo', Buffer.alloc(100_000, 1));
    expect(status.code).toBe(Status.ok);
    expect(messages[0]).toHaveLength(100_000);
  });

  test('says so when its port is taken', async () => {
    await using scene = await open();
    const other = create();
    await expect(other.listen({ host: '127.0.0.1', port: scene.port })).rejects.toThrow();
    await other.close();
  });
});
