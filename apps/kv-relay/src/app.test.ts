import {
  createTempDir,
  findNatsServer,
  isSkipped,
  pathOf,
  readExposition,
  startNatsServer,
  startProgram,
  titleWith,
} from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import type { SourceReport } from './relay/source-report.ts';
import {
  entryOf,
  publish,
  readBus,
  relayArgs,
  someEngine,
  startTestRelay,
  upTo,
  writeEngines,
} from './relay.testing.ts';

const part = await findNatsServer();
const startNats = () => startNatsServer({ path: pathOf(part) });

const sourcesAt = async (url: string): Promise<readonly SourceReport[]> => {
  const answer = await fetch(`${url}/debug/sources`);
  // What the route is typed to send.
  return ((await answer.json()) as { sources: readonly SourceReport[] }).sources;
};

describe.skipIf(isSkipped(part))(titleWith('a relay', part), { timeout: 120_000 }, () => {
  test('that is killed and started again publishes every batch once', async () => {
    await using folder = await createTempDir();
    await using server = await startNats();
    await using engine = await someEngine();
    const args = relayArgs(server, await writeEngines(folder, [entryOf('a', engine)]));
    await using bus = await readBus(server);
    await using first = await startProgram({ app: 'kv-relay', args });
    await engine.subscribed;
    const publishing = publish(engine, 600);
    await bus.reader.has(100);
    await first.kill();
    await publishing;
    await using second = await startProgram({ app: 'kv-relay', args });
    await bus.reader.until(() => bus.batches().length >= 600);
    await publish(engine, 10);
    await bus.reader.until(() => bus.batches().length >= 610);
    expect(bus.batches()).toEqual(upTo('file', 610));
    // What was published before it began is not published by it.
    await expect.poll(async () => (await sourcesAt(second.url))[0]?.sequence).toBe(609);
    expect((await sourcesAt(second.url))[0]?.batches).toBeLessThan(511);
    expect(bus.reader.messages.filter(({ kind }) => kind === 'loss')).toEqual([]);
  });

  test('sees an engine that was started anew as another life', async () => {
    await using folder = await createTempDir();
    await using server = await startNats();
    await using engine = await someEngine();
    const args = relayArgs(server, await writeEngines(folder, [entryOf('a', engine)]));
    await using bus = await readBus(server);
    await using relay = await startTestRelay(args);
    await engine.subscribed;
    await publish(engine, 20);
    await bus.reader.until(() => bus.batches().length >= 20);
    engine.stop();
    await engine.start();
    await publish(engine, 30);
    await bus.reader.until(() => bus.batches().length >= 50);
    expect(bus.batches()).toEqual([...upTo('file', 20), ...upTo('file/1', 30)]);
    await expect
      .poll(() => relay.relay.sources())
      .toMatchObject([{ epoch: 'file/1', batches: 50 }]);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'loses nothing while NATS ends with %s and comes back',
    async (signal) => {
      await using folder = await createTempDir();
      await using server = await startNats();
      await using engine = await someEngine();
      const args = relayArgs(server, await writeEngines(folder, [entryOf('a', engine)]));
      await using bus = await readBus(server);
      await using relay = await startTestRelay(args);
      await engine.subscribed;
      const publishing = publish(engine, 1000);
      await bus.reader.has(50);
      await server.stop(signal);
      await publishing;
      await server.start();
      await publish(engine, 10);
      await bus.reader.until(() => bus.batches().length >= 1010);
      expect(bus.batches()).toEqual(upTo('file', 1010));
      await expect
        .poll(() => relay.relay.sources())
        .toMatchObject([{ sequence: 1009, lostBatches: 0 }]);
    },
  );

  test('tells that an engine is gone, and gives all it has when it comes back', async () => {
    await using folder = await createTempDir();
    await using server = await startNats();
    await using engine = await someEngine();
    const file = await writeEngines(folder, [entryOf('a', engine)]);
    await using bus = await readBus(server);
    await using relay = await startTestRelay(relayArgs(server, file));
    await engine.subscribed;
    await publish(engine, 5);
    await bus.reader.until(() => bus.batches().length >= 5);
    await writeEngines(folder, []);
    await bus.reader.until(() => bus.reader.messages.at(-1)?.kind === 'gone');
    const gone = bus.reader.messages.at(-1);
    expect(gone).toMatchObject({ kind: 'gone', pod: '127.0.0.1:8000' });
    await publish(engine, 5);
    await writeEngines(folder, [entryOf('a', engine)]);
    await bus.reader.until(() => bus.batches().length >= 15);
    const again = `file+${gone?.receivedMs.toString(36) ?? ''}`;
    expect(bus.batches()).toEqual([...upTo('file', 5), ...upTo(again, 10)]);
    await expect.poll(() => relay.relay.sources()).toMatchObject([{ epoch: again, sequence: 9 }]);
  });

  test('reports a batch that the bus never takes as lost, and goes on', async () => {
    await using folder = await createTempDir();
    await using server = await startNatsServer({
      path: pathOf(part),
      settings: { max_payload: 10_000 },
    });
    await using engine = await someEngine();
    const args = relayArgs(server, await writeEngines(folder, [entryOf('a', engine)]));
    await using bus = await readBus(server);
    await using relay = await startTestRelay(args);
    await engine.subscribed;
    await publish(engine, 1);
    await engine.publish(new Uint8Array(20_000));
    await publish(engine, 1);
    await bus.reader.has(3);
    expect(bus.reader.messages).toMatchObject([
      { kind: 'batch', sequence: 0 },
      { kind: 'loss', fromSequence: 1, untilSequence: 1 },
      { kind: 'batch', sequence: 2 },
    ]);
    await expect.poll(() => relay.relay.sources()).toMatchObject([{ lostBatches: 1, batches: 2 }]);
  });

  test('shares the engines with another one', async () => {
    await using folder = await createTempDir();
    await using server = await startNats();
    await using engines = new AsyncDisposableStack();
    const entries: object[] = [];
    for (const i of [0, 1, 2, 3, 4, 5, 6, 7]) {
      entries.push(entryOf(`e${i}`, engines.use(await someEngine()), 8000 + i));
    }
    const args = relayArgs(server, await writeEngines(folder, entries));
    await using one = await startTestRelay([...args, '--shard', '0/2']);
    await using two = await startTestRelay([...args, '--shard', '1/2']);
    const [first, second] = [one, two].map(({ relay }) => relay.sources().map(({ pod }) => pod));
    expect([...(first ?? []), ...(second ?? [])].sort()).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `127.0.0.1:${8000 + i}`),
    );
    expect([first, second]).not.toContainEqual([]);
  });

  test('shows what it does, and ends in good order', async () => {
    await using folder = await createTempDir();
    await using server = await startNats();
    await using engine = await someEngine();
    const args = relayArgs(server, await writeEngines(folder, [entryOf('a', engine)]));
    await using relay = await startProgram({ app: 'kv-relay', args });
    await engine.subscribed;
    await publish(engine, 12);
    await expect.poll(async () => (await sourcesAt(relay.url))[0]?.batches).toBe(12);
    expect(await sourcesAt(relay.url)).toMatchObject([
      {
        ...{ pod: '127.0.0.1:8000', name: 'a', dpRank: 0, endpoint: engine.endpoint },
        ...{ state: 'following', model: 'm', epoch: 'file', sequence: 11, lostBatches: 0 },
      },
    ]);
    const metrics = await readExposition(relay.url);
    expect(metrics.sum('llm_d_kv_bus_published_messages_total')).toBe(12);
    expect(metrics.sum('llm_d_kv_relay_sources')).toBe(1);
    const probe = async (path: string) => (await fetch(`${relay.url}${path}`)).status;
    expect(await Promise.all(['/healthz', '/readyz', '/nothing'].map(probe))).toEqual([
      200, 200, 404,
    ]);
    await server.stop();
    await expect.poll(() => probe('/readyz')).toBe(503);
    await server.start();
    await expect.poll(() => probe('/readyz')).toBe(200);
    relay.signal('SIGTERM');
    expect((await relay.ended).code).toBe(0);
  });

  test('gives up what it cannot publish when the time to end is over', async () => {
    await using folder = await createTempDir();
    await using server = await startNats();
    await using engine = await someEngine();
    const file = await writeEngines(folder, [entryOf('a', engine)]);
    await using relay = await startTestRelay([
      ...relayArgs(server, file),
      ...['--drain-timeout', '100'],
    ]);
    await engine.subscribed;
    await server.stop();
    await publish(engine, 5);
    await expect.poll(() => relay.relay.sources()[0]?.state, { timeout: 10_000 }).toBe('blocked');
    await expect(relay.close()).resolves.toBeUndefined();
  });
});

test('a relay that cannot reach NATS says so and ends', async () => {
  await using folder = await createTempDir();
  const args = ['--nats', '127.0.0.1:1', '--endpoints', await writeEngines(folder, [])];
  const starting = startProgram({ app: 'kv-relay', args });
  await expect(starting).rejects.toThrow('kv-relay: no NATS server at 127.0.0.1:1');
}, 60_000);
