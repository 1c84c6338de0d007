import { findNatsServer, isSkipped, pathOf, startNatsServer, titleWith } from '@llm-d/test-kit';
import { nanos } from '@nats-io/transport-node';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { makeBatch } from '../testing/bus-messages.ts';
import { connectNatsKvBus } from './nats-kv-bus.ts';
import { freshBus, openJetStream } from './nats-server.testing.ts';

const part = await findNatsServer();
const start = (settings: object = {}) => startNatsServer({ path: pathOf(part), settings });
const never = new AbortController().signal;

test('no server at the address is told with the address', async () => {
  const connecting = connectNatsKvBus({ servers: 'nats://127.0.0.1:1', timeoutMs: 2000 });
  await expect(connecting).rejects.toMatchObject({ code: 'KV_BUS_UNREACHABLE' });
  await expect(connecting).rejects.toThrow('no NATS server at 127.0.0.1:1');
});

test('a server that says nothing is given up', async () => {
  const sockets: Socket[] = [];
  await using silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = silent.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const connecting = connectNatsKvBus({ servers: `127.0.0.1:${port ?? 0}`, timeoutMs: 200 });
  await expect(connecting).rejects.toMatchObject({ code: 'KV_BUS_UNREACHABLE' });
  for (const socket of sockets) socket.destroy();
});

test.each(['http://nats:4222', 'nats://', 'nats://a b'])('%j is no address', async (servers) => {
  await expect(connectNatsKvBus({ servers })).rejects.toThrow(`not the address`);
});

describe.skipIf(isSkipped(part))(titleWith('connecting to NATS', part), { timeout: 60_000 }, () => {
  test.each([
    ['none', undefined],
    ['wrong ones', { kind: 'password', user: 'relay', password: 'guess' }],
    ['a token', { kind: 'token', token: 'abc' }],
  ] as const)('credentials are needed, and %s do not do', async (_title, credentials) => {
    const users = [{ user: 'relay', password: 'secret' }];
    await using server = await start({ authorization: { users } });
    const refused = connectNatsKvBus(freshBus(server, { credentials }));
    await expect(refused).rejects.toMatchObject({ code: 'KV_BUS_UNAUTHORIZED' });
    await expect(refused).rejects.not.toThrow(/guess|abc/);
  });

  test('credentials come as options or in the address', async () => {
    const users = [{ user: 'relay', password: 'se/cret' }];
    await using server = await start({ authorization: { users } });
    const credentials = { kind: 'password', user: 'relay', password: 'se/cret' } as const;
    await using one = await connectNatsKvBus(freshBus(server, { credentials }));
    const servers = server.url.replace('//', '//relay:se%2Fcret@');
    await using two = await connectNatsKvBus(freshBus(server, { servers }));
    expect([one.isConnected, two.isConnected]).toEqual([true, true]);
  });

  test('what the user may not do is told as such', async () => {
    const permissions = { publish: ['$JS.API.>'], subscribe: ['_INBOX.>'] };
    const users = [{ user: 'reader', password: 'r', permissions }];
    await using server = await start({ authorization: { users } });
    const credentials = { kind: 'password', user: 'reader', password: 'r' } as const;
    await using bus = await connectNatsKvBus(freshBus(server, { credentials }));
    const publish = bus.publish(makeBatch(0), never);
    await expect(publish).rejects.toMatchObject({ code: 'KV_BUS_UNAUTHORIZED' });
  });

  test('a server without JetStream cannot serve', async () => {
    await using server = await start({ jetstream: false });
    const connecting = connectNatsKvBus(freshBus(server));
    await expect(connecting).rejects.toMatchObject({ name: 'KvBusError' });
    await expect(connecting).rejects.toThrow(/jetstream/i);
  });

  test('a stream of ours takes the limits that are given, and keeps the others', async () => {
    await using server = await start();
    const options = freshBus(server, { maxAgeMs: 60_000, maxBytes: 1e6 });
    await using first = await connectNatsKvBus(options);
    await first.publish(makeBatch(0), never);
    await using second = await connectNatsKvBus({
      ...options,
      maxAgeMs: 30_000,
      maxBytes: undefined,
    });
    await using other = await openJetStream(server);
    const { config, state } = await other.jsm.streams.info(options.stream);
    expect(config).toMatchObject({
      max_age: nanos(30_000),
      max_bytes: 1e6,
      duplicate_window: nanos(30_000),
      discard: 'old',
      retention: 'limits',
      allow_direct: true,
    });
    expect([second.isConnected, state.messages]).toEqual([true, 1]);
  });

  test('a stream of somebody else serves as it is, or not at all', async () => {
    await using server = await start();
    await using other = await openJetStream(server);
    const fitting = freshBus(server, { maxAgeMs: 1000 });
    const subjects = (prefix: string) => [`${prefix}.>`];
    await other.jsm.streams.add({
      name: fitting.stream,
      subjects: subjects(fitting.subjectPrefix),
      max_bytes: 77_777,
    });
    await using bus = await connectNatsKvBus(fitting);
    await bus.publish(makeBatch(0), never);
    const { config } = await other.jsm.streams.info(fitting.stream);
    expect([config.max_bytes, config.max_age]).toEqual([77_777, 0]);

    const elsewhere = freshBus(server);
    await other.jsm.streams.add({ name: elsewhere.stream, subjects: ['elsewhere'] });
    const overlapping = { ...freshBus(server), subjectPrefix: fitting.subjectPrefix };
    const queue = freshBus(server);
    await other.jsm.streams.add({
      name: queue.stream,
      subjects: subjects(queue.subjectPrefix),
      retention: 'workqueue',
    });
    for (const options of [elsewhere, overlapping, queue]) {
      const connecting = connectNatsKvBus(options);
      await expect(connecting).rejects.toMatchObject({ code: 'KV_BUS_UNFIT' });
      await expect(connecting).rejects.toThrow(options.stream);
    }
  });
});
