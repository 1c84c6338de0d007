import { createRandom, systemClock } from '@llm-d/determinism';
import {
  createLocalKvBus,
  type KvBus,
  type KvMessage,
  type KvSnapshot,
  type KvSnapshotStore,
} from '@llm-d/kv-events';
import { createFleet, makeBatch, makeGone, makeSource } from '@llm-d/kv-events/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KvIndexer } from './app.ts';
import { holding, promptOf, startTestIndexer } from './kv-indexer.testing.ts';

/** What engines that live, die and come back would publish, and the truth about them in the end. */
function history(seed: number, steps: number) {
  const random = createRandom(seed);
  const fleet = createFleet({ random, blockSizeTokens: 2, prompts: 8, promptBlocks: 6 });
  const engines = ['a', 'b', 'c'].flatMap((pod) => [0, 1].map((rank) => fleet.add(pod, rank)));
  const lives = engines.map(() => ({ epoch: 1, sequence: 0 }));
  const messages: KvMessage[] = [];
  for (let step = 0; step < steps; step++) {
    const which = Math.floor(random.next() * engines.length);
    const [engine, life] = [engines[which], lives[which]];
    if (engine === undefined || life === undefined) continue;
    if (random.next() < 0.03) {
      engine.restart();
      life.epoch++;
      life.sequence = 0;
    }
    const { pod, dpRank } = engine;
    const source = makeSource(pod, { dpRank, epoch: String(life.epoch) });
    const batch = makeBatch(source, life.sequence++, ...engine.step());
    messages.push({ ...batch, receivedMs: systemClock.epochMs() });
  }
  return { fleet, messages };
}

function seen({ index }: KvIndexer) {
  index.sweep(1_000_000);
  const { bytes: _, sources, ...stats } = index.stats();
  return { ...stats, sources: sources.map((one) => JSON.stringify(one)).sort() };
}

test('a warm start knows what a cold replay of everything knows, wherever the snapshot was taken', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.nat(100), fc.nat(100), async (seed, before, after) => {
      const { fleet, messages } = history(seed, before + after);
      const bus = createLocalKvBus();
      {
        await using first = await startTestIndexer({}, { bus });
        await first.publish(...messages.slice(0, before));
      }
      for (const message of messages.slice(before)) {
        await bus.publish(message, new AbortController().signal);
      }
      await using warm = await startTestIndexer({}, { bus });
      const coldBus: KvBus = { ...busOf(bus), snapshots: noSnapshots };
      await using cold = await startTestIndexer({ takesSnapshots: false }, { bus: coldBus });
      expect(seen(warm.indexer)).toEqual(seen(cold.indexer));
      expect(await fleet.differences(warm.indexer.index, 'm')).toEqual([]);
      const states = (body: unknown) =>
        (body as { sources: { state: string; sequence: number }[] }).sources
          .map(({ state, sequence }) => [state, sequence])
          .sort();
      const [warmly, coldly] = [await warm.get('/debug/sources'), await cold.get('/debug/sources')];
      expect(states(warmly.body)).toEqual(states(coldly.body));
    }),
    { numRuns: 15 },
  );
}, 60_000);

const noSnapshots: KvSnapshotStore = {
  save: () => Promise.resolve(),
  load: () => Promise.resolve(undefined),
};
const busOf = (bus: KvBus): KvBus => ({
  snapshots: bus.snapshots,
  publish: (message, signal) => bus.publish(message, signal),
  read: (reader, options) => bus.read(reader, options),
  [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
});
const withSnapshot = (bus: KvBus, snapshot: Omit<KvSnapshot, 'takenMs'>): KvBus => ({
  ...busOf(bus),
  snapshots: { ...noSnapshots, load: () => Promise.resolve({ ...snapshot, takenMs: 1 }) },
});

describe('a snapshot that is of no use is passed over', () => {
  test('damaged', async () => {
    const bus = createLocalKvBus();
    await bus.publish(holding('a', 3), new AbortController().signal);
    const damaged = withSnapshot(bus, { position: 1, bytes: Buffer.from('damaged snapshot') });
    await using started = await startTestIndexer({}, { bus: damaged });
    expect(started.indexer.index.stats().copies).toBe(3);
  });

  test('of other keys', async () => {
    const bus = createLocalKvBus();
    {
      await using first = await startTestIndexer({ hashSeed: 'other' }, { bus });
      await first.publish(holding('a', 3));
    }
    await using started = await startTestIndexer({}, { bus });
    const answer = await started.post('/query', { model: 'm', token_ids: promptOf(3) });
    expect(answer.body).toMatchObject({ scores: { a: { 0: 3 } } });
  });
});

test('a bus that has forgotten what follows the snapshot leaves sources incomplete, and all goes on', async () => {
  const bus = createLocalKvBus({ maxBytes: 3000 });
  {
    await using first = await startTestIndexer({}, { bus });
    await first.publish(holding('a', 3));
  }
  for (let sequence = 0; sequence < 100; sequence++) {
    const batch = makeBatch(makeSource('b'), sequence);
    await bus.publish(batch, new AbortController().signal);
  }
  await using started = await startTestIndexer({}, { bus });
  const { body } = await started.get('/debug/sources');
  const states = (body as { sources: { source: { pod: string }; state: string }[] }).sources;
  expect(states.find(({ source }) => source.pod === 'a')?.state).toBe('incomplete');
  expect(started.indexer.following.truncatedUntil).toBeGreaterThan(1);
  expect((await started.get('/readyz')).status).toBe(200);
  const query = { model: 'm', token_ids: promptOf(3) };
  expect((await started.post('/query', query)).body).toMatchObject({ scores: { a: { 0: 3 } } });
});

test('the end takes the last snapshot', async () => {
  const bus = createLocalKvBus();
  const first = await startTestIndexer({}, { bus });
  await first.publish(holding('a', 3), makeGone('b'));
  await first.indexer.close();
  const snapshot = await bus.snapshots.load(new AbortController().signal);
  expect(snapshot?.position).toBe(2);
});

test('whoever asks twice does not wait for the snapshot', async () => {
  const bus = createLocalKvBus();
  const hanging: KvBus = {
    ...busOf(bus),
    snapshots: {
      ...noSnapshots,
      save: (_, signal) =>
        new Promise((__, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        }),
    },
  };
  const started = await startTestIndexer({ drainTimeoutMs: 3_600_000 }, { bus: hanging });
  await started.publish(holding('a', 3));
  const ending = started.indexer.close();
  expect((await fetch(`${started.url}/readyz`)).status).toBe(503);
  void started.indexer.close();
  await ending;
});
