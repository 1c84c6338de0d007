import { VirtualClock, createRandom, randomBelow } from '@llm-d/determinism';
import {
  type KvBlockIndex,
  type KvEventSource,
  createMemoryKvBlockIndex,
  createRequestKeyHasher,
} from '@llm-d/kv-index';
import { noopTracer } from '@llm-d/telemetry';
import { recordingLogger, recordingMetrics } from '@llm-d/telemetry/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type KvFollowerOptions, createKvFollower } from './create-kv-follower.ts';
import {
  applyLagSeconds,
  lastHeardTimestampSeconds,
  missedBatchesTotal,
  refusedSourcesTotal,
  removalsSkippedTotal,
  resyncsTotal,
  undecodableTotal,
  unreadableEventsTotal,
} from './kv-event-metrics.ts';
import type { KvBatchMessage, KvMessage } from './kv-message.ts';
import { createFleet } from './testing/fleet-oracle.ts';
import {
  cleared,
  encodeBatch,
  makeBatch,
  makeGone,
  makeHeartbeat,
  makeLoss,
  makeSource,
  removed,
  stored,
} from './testing/index.ts';

const hasher = createRequestKeyHasher();
const options = { model: 'm', blockSizeTokens: 2 };
const first = stored({ hashes: [1n], tokens: [1, 2] });
const second = stored({ hashes: [2n], parent: 1n, tokens: [3, 4] });
const third = stored({ hashes: [3n], parent: 2n, tokens: [5, 6] });
const prompt = hasher.keys(Uint32Array.of(1, 2, 3, 4, 5, 6), options).slice();

const setup = (rest: Partial<KvFollowerOptions> = {}) => {
  const clock = new VirtualClock();
  const logger = recordingLogger();
  const metrics = recordingMetrics();
  const index = createMemoryKvBlockIndex({ blockSizeTokens: 2 });
  const telemetry = { logger, metrics, tracer: noopTracer };
  const follower = createKvFollower({ index, clock, telemetry, ...rest });
  const give = (...messages: readonly KvMessage[]) => {
    for (const message of messages) void follower.onMessage(message);
  };
  const held = () =>
    Object.fromEntries(
      index.lookup(prompt).holders.map(({ pod, dpRank, blocks }) => [`${pod}/${dpRank}`, blocks]),
    );
  const states = () => follower.sources().map(({ state }) => state);
  return { clock, logger, metrics, index, follower, give, held, states };
};

const a = makeSource('a');
const at = (receivedMs: number, message: KvBatchMessage): KvBatchMessage => ({
  ...message,
  receivedMs,
});

describe('batches', () => {
  test('are applied in order, and the source is whole', () => {
    const { give, held, follower } = setup();
    give(makeBatch(a, 0, first), makeBatch(a, 1, second));
    expect(held()).toEqual({ 'a/0': 2 });
    expect(follower.sources()).toEqual([
      {
        ...{ source: a, state: 'whole', sequence: 1, ageMs: 0, lagMs: 0 },
        ...{ lostBatches: 0, restarts: 0 },
      },
    ]);
  });

  test('are applied once, however often they come', () => {
    const { give, held } = setup();
    give(makeBatch(a, 0, first), makeBatch(a, 1, first), makeBatch(a, 1, first));
    give(makeBatch(a, 2, removed(1n)), makeBatch(a, 3, removed(1n)));
    expect(held()).toEqual({});
  });

  test('of two ranks of a pod do not touch each other', () => {
    const { give, held } = setup();
    const other = makeSource('a', { dpRank: 1 });
    give(makeBatch(a, 0, first), makeBatch(other, 0, first, second), makeBatch(a, 1, cleared()));
    expect(held()).toEqual({ 'a/1': 2 });
  });

  test('that cannot be decoded are passed over, counted, and make the source incomplete', () => {
    const { give, held, states, metrics, logger } = setup();
    const poison = { ...makeBatch(a, 1), payload: Uint8Array.of(0xc1) };
    give(makeBatch(a, 0, first), poison, { ...poison, sequence: 2 }, makeBatch(a, 3, second));
    expect(held()).toEqual({ 'a/0': 2 });
    expect(states()).toEqual(['incomplete']);
    expect(metrics.value(undecodableTotal, { pod_identifier: 'a' })).toBe(2);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'a KV event batch could not be decoded and was passed over',
    ]);
  });

  test('with an event that makes no sense give the others, and the event is counted', () => {
    const { give, held, metrics } = setup();
    const payload = encodeBatch([first, stored({ hashes: [], tokens: [] })]);
    // The second event becomes one of a type that nobody knows.
    payload[Buffer.from(payload).lastIndexOf('BlockStored')] = 'X'.charCodeAt(0);
    give({ ...makeBatch(a, 0), payload });
    expect(held()).toEqual({ 'a/0': 1 });
    expect(metrics.value(unreadableEventsTotal, { pod_identifier: 'a' })).toBe(1);
  });

  test('with blocks that cannot be placed are counted by event', () => {
    const { give, metrics } = setup();
    give(makeBatch(a, 0, first, removed(9n)));
    const labels = { cache_kind: 'unknown', reason: 'unknown_hash' };
    expect(metrics.value(removalsSkippedTotal, labels)).toBe(1);
  });

  test('tell how long they took', () => {
    const { give, clock, metrics, follower } = setup();
    clock.advance(300);
    give(at(50, makeBatch(a, 0, first)));
    expect(metrics.observations(applyLagSeconds, {})).toEqual([0.25]);
    expect(follower.sources()[0]?.lagMs).toBe(250);
  });
});

describe('a loss', () => {
  test('leaves the source incomplete, with the blocks that are known', () => {
    const { give, held, follower } = setup();
    give(makeBatch(a, 0, first), makeLoss(a, 1, 1024), makeBatch(a, 1025, second));
    expect(held()).toEqual({ 'a/0': 2 });
    expect(follower.sources()[0]).toMatchObject({ state: 'incomplete', lostBatches: 1024 });
    expect(follower.freshness()).toMatchObject({ wholeSources: 0, lostBatches: 1024 });
  });

  test('of more than is kept forgets the blocks of that rank only', () => {
    const { give, held, follower, metrics } = setup();
    const other = makeSource('a', { dpRank: 1 });
    give(makeBatch(a, 0, first), makeBatch(other, 0, first), makeLoss(a, 1, 1025));
    expect(held()).toEqual({ 'a/1': 1 });
    expect(follower.sources()[0]).toMatchObject({ state: 'incomplete', restarts: 1 });
    expect(metrics.value(resyncsTotal, { reason: 'loss' })).toBe(1);
  });

  test('that nobody reported shows in the numbers', () => {
    const { give, follower, metrics } = setup();
    give(makeBatch(a, 0, first), makeBatch(a, 5, second));
    expect(follower.sources()[0]).toMatchObject({ state: 'incomplete', lostBatches: 4 });
    expect(metrics.value(missedBatchesTotal, { pod_identifier: 'a' })).toBe(4);
  });

  test('of the last batches shows in the next heartbeat', () => {
    const { give, follower } = setup();
    give(makeBatch(a, 0, first), makeHeartbeat(a, 3));
    expect(follower.sources()[0]).toMatchObject({ state: 'incomplete', lostBatches: 3 });
  });

  test('that comes twice, or behind what was applied, counts once', () => {
    const { give, follower } = setup();
    give(makeBatch(a, 0, first), makeLoss(a, 1, 2), makeLoss(a, 1, 2), makeBatch(a, 3, second));
    give(makeLoss(a, 0, 1));
    expect(follower.freshness().lostBatches).toBe(2);
  });

  test('before the first batch of all is what a late beginning misses', () => {
    const { give, held, follower } = setup();
    give(makeLoss(a, 0, 9_999), makeBatch(a, 10_000, first));
    expect(held()).toEqual({ 'a/0': 1 });
    expect(follower.sources()[0]).toMatchObject({ state: 'incomplete', restarts: 0 });
  });

  test.each([
    ['a new epoch', [makeBatch(makeSource('a', { epoch: '2' }), 0, first)], { 'a/0': 1 }, 0],
    ['a cleared cache', [makeBatch(a, 3, cleared(), first)], { 'a/0': 1 }, 2],
  ] as const)('is made good by %s', (_, messages, blocks, lostBatches) => {
    const { give, held, states, follower } = setup();
    give(makeBatch(a, 0, first, second), makeLoss(a, 1, 2), ...messages);
    expect(held()).toEqual(blocks);
    expect(states()).toEqual(['whole']);
    expect(follower.freshness()).toMatchObject({ wholeSources: 1, lostBatches });
  });
});

describe('a new epoch', () => {
  const again = makeSource('a', { epoch: '2' });

  test.each([
    ['batch', makeBatch(again, 0)],
    ['loss', makeLoss(again, 0, 3)],
    ['heartbeat', makeHeartbeat(again, -1)],
  ] as const)('forgets what was held before, with its first %s', (_, message) => {
    const { give, held, follower } = setup();
    give(makeBatch(a, 0, first), message);
    expect(held()).toEqual({});
    expect(follower.sources()[0]?.restarts).toBe(1);
  });

  test('is not undone by a late message of the one before', () => {
    const { give, held } = setup();
    give(makeBatch(a, 0, first), at(10, makeBatch(again, 0, first, second)));
    give(at(9, makeBatch(a, 1, third)));
    expect(held()).toEqual({ 'a/0': 2 });
  });

  test('may be left for an earlier one when the engine says so later', () => {
    const { give, held, follower } = setup();
    give(makeBatch(a, 0, first), at(10, makeBatch(again, 0, first, second)));
    give(at(11, makeBatch(a, 0, first)));
    expect(held()).toEqual({ 'a/0': 1 });
    expect(follower.sources()[0]?.restarts).toBe(2);
  });

  test('is what another model is, too', () => {
    const { give, held } = setup();
    give(makeBatch(a, 0, first), makeBatch(makeSource('a', { model: 'other' }), 0, first));
    expect(held()).toEqual({});
  });
});

describe('a pod that is gone', () => {
  test('is forgotten with all its ranks and series', () => {
    const { give, held, follower, metrics, index } = setup();
    give(at(5, makeBatch(a, 0, first)), makeBatch(makeSource('a', { dpRank: 1 }), 0, first));
    give({ ...makeGone('a'), receivedMs: 9 });
    expect(held()).toEqual({});
    expect([follower.sources(), index.stats().sources]).toEqual([[], []]);
    const labels = { pod_identifier: 'a', dp_rank: '0' };
    expect(metrics.value(lastHeardTimestampSeconds, labels)).toBe(0);
  });

  test('is not brought back by a late message, and comes back with a later one', () => {
    const { give, held } = setup();
    give(makeBatch(a, 0, first), { ...makeGone('a'), receivedMs: 9 });
    give(at(9, makeBatch(a, 1, second)));
    expect(held()).toEqual({});
    give(at(10, makeBatch(makeSource('a', { epoch: '2' }), 0, first)));
    expect(held()).toEqual({ 'a/0': 1 });
  });

  test('is not the pod that has its name by now', () => {
    const { give, held } = setup();
    give(at(10, makeBatch(a, 0, first)), { ...makeGone('a'), receivedMs: 9 });
    expect(held()).toEqual({ 'a/0': 1 });
  });
});

describe('freshness', () => {
  test('is that of nothing at the beginning', () => {
    const { follower } = setup();
    expect(follower.freshness()).toEqual({
      ...{ isCaughtUp: false, oldestMs: undefined, sources: 0, wholeSources: 0, lostBatches: 0 },
    });
  });

  test('knows the oldest source, and those that fell silent, by the time that passes alone', () => {
    const { give, clock, follower, states } = setup({ silentAfterMs: 100 });
    give(makeBatch(a, 0, first), makeBatch(makeSource('b'), 0, first));
    clock.advance(100);
    give({ ...makeHeartbeat(makeSource('b'), 0), receivedMs: 100 });
    expect(follower.freshness()).toMatchObject({ oldestMs: 100, sources: 2, wholeSources: 2 });
    clock.advance(1);
    expect(follower.freshness()).toMatchObject({ oldestMs: 101, sources: 2, wholeSources: 1 });
    expect(states()).toEqual(['silent', 'whole']);
    give({ ...makeHeartbeat(a, 0), receivedMs: 101 });
    expect(follower.freshness()).toMatchObject({ oldestMs: 1, wholeSources: 2 });
  });

  test('calls a source that has said nothing yet waiting', () => {
    const { give, states } = setup();
    give(makeHeartbeat(a, -1));
    expect(states()).toEqual(['waiting']);
  });

  test('says what the bus says of being caught up', () => {
    const { follower } = setup();
    follower.onCaughtUp(true);
    expect(follower.freshness().isCaughtUp).toBe(true);
    follower.onCaughtUp(false);
    expect(follower.freshness().isCaughtUp).toBe(false);
  });

  test('after messages were lost on the bus trusts a source only when its next one follows', () => {
    const { give, follower, states } = setup();
    const [b, c] = [makeSource('b'), makeSource('c')];
    give(makeBatch(a, 0, first), makeBatch(b, 0, first), makeBatch(c, 0, first));
    follower.onTruncated();
    expect(states()).toEqual(['incomplete', 'incomplete', 'incomplete']);
    give(makeBatch(a, 1, second), makeHeartbeat(b, 0), makeBatch(c, 2, second));
    expect(states()).toEqual(['whole', 'whole', 'incomplete']);
    expect(follower.freshness().wholeSources).toBe(2);
  });
});

describe('the number of sources', () => {
  test('has a limit, beyond which a source is passed over', () => {
    const { give, held, metrics } = setup({ maxSources: 1 });
    give(makeBatch(a, 0, first), makeBatch(makeSource('b'), 0, first));
    expect(held()).toEqual({ 'a/0': 1 });
    expect(metrics.value(refusedSourcesTotal, {})).toBe(1);
  });

  test('has room again where one fell silent', () => {
    const { give, held, clock } = setup({ maxSources: 1, silentAfterMs: 100 });
    give(makeBatch(a, 0, first));
    clock.advance(101);
    give(at(101, makeBatch(makeSource('b'), 0, first)));
    expect(held()).toEqual({ 'b/0': 1 });
  });
});

test('a follower goes on where another one stood', () => {
  const one = setup();
  one.give(makeBatch(a, 0, first), makeBatch(a, 1, second));
  one.give(makeBatch(makeSource('b'), 0, first), makeLoss(makeSource('b'), 1, 2));
  const cursors = JSON.parse(JSON.stringify(one.follower.cursors())) as ReturnType<
    typeof one.follower.cursors
  >;
  const other = setup({ index: one.index, cursors });
  expect(other.follower.sources()).toEqual(one.follower.sources());
  expect(other.follower.freshness()).toEqual(one.follower.freshness());
  other.give(makeBatch(a, 1, second), makeBatch(a, 2, removed(2n)));
  expect(one.held()).toEqual({ 'a/0': 1, 'b/0': 1 });
});

/** An index in another place: every answer takes a turn, and some attempts fail before anything has changed. */
function remoteIndex(index: KvBlockIndex, failures: { left: number }): KvBlockIndex {
  let busy = false;
  const remotely = async <T>(work: () => T): Promise<Awaited<T>> => {
    if (busy) throw new Error('two at once');
    busy = true;
    await Promise.resolve();
    busy = false;
    if (failures.left-- > 0) throw new Error('out of reach');
    return work() as Awaited<T>;
  };
  return {
    apply: (batch, source) => remotely(() => index.apply(batch, source)),
    clear: (pod) => remotely(() => index.clear(pod)),
    remove: (pod) => remotely(() => index.remove(pod)),
    lookup: (keys) => index.lookup(keys),
    stats: () => index.stats(),
  };
}

describe('an index that answers later', () => {
  test('is given one batch at a time, in the order of the calls', async () => {
    const memory = createMemoryKvBlockIndex({ blockSizeTokens: 2 });
    const index = remoteIndex(memory, { left: 0 });
    const { follower } = setup({ index });
    const b = makeSource('b');
    await Promise.all([
      follower.onMessage(makeBatch(a, 0, first), 1),
      follower.onMessage(makeBatch(b, 0, first), 2),
      follower.onMessage(makeBatch(a, 1, second), 3),
    ]);
    const { holders } = memory.lookup(prompt);
    expect(Object.fromEntries(holders.map(({ pod, blocks }) => [pod, blocks]))).toEqual({
      ...{ a: 2, b: 1 },
    });
  });

  test('that fails gets the same message again', async () => {
    const memory = createMemoryKvBlockIndex({ blockSizeTokens: 2 });
    const { follower } = setup({ index: remoteIndex(memory, { left: 1 }) });
    await expect(follower.onMessage(makeBatch(a, 0, first), 1)).rejects.toThrow('out of reach');
    await follower.onMessage(makeBatch(a, 0, first), 1);
    await follower.onMessage(makeBatch(a, 0, first), 1);
    await follower.onMessage(makeBatch(a, 1, removed(1n)), 2);
    expect(memory.lookup(prompt).holders).toEqual([]);
  });
});

/** What a fleet announces over a way that loses, repeats, delays and forgets to report. */
function troubledWay(seed: number, { steps }: { readonly steps: number }) {
  const random = createRandom(seed);
  const chance = (percent: number) => randomBelow(random, 100) < percent;
  const fleet = createFleet({ random, blockSizeTokens: 2 });
  const messages: KvMessage[] = [];
  const lives = [0, 1, 2].map((i) => {
    const engine = fleet.add(`pod-${i >> 1}`, i & 1);
    return { engine, epoch: 0, sequence: 0, isUntold: false };
  });
  for (let now = 1; now <= steps; now++) {
    const life = lives[randomBelow(random, lives.length)];
    if (life === undefined) continue;
    if (chance(4)) {
      life.engine.restart();
      life.epoch++;
      life.sequence = 0;
    }
    const { pod, dpRank } = life.engine;
    const source: KvEventSource = { pod, dpRank, model: 'm', epoch: `${life.epoch}` };
    const sequence = life.sequence++;
    const batch = at(now, makeBatch(source, sequence, ...life.engine.step()));
    if (chance(6)) {
      if (chance(50)) messages.push({ ...makeLoss(source, sequence, sequence), receivedMs: now });
      continue;
    }
    messages.push(batch);
    if (chance(10)) messages.push(batch);
    if (chance(10)) messages.push(messages[randomBelow(random, messages.length)] ?? batch);
  }
  for (const { engine, epoch, sequence } of lives) {
    const { pod, dpRank } = engine;
    const source = { pod, dpRank, model: 'm', epoch: `${epoch}` };
    messages.push({ ...makeHeartbeat(source, sequence - 1), receivedMs: steps });
  }
  return { fleet, messages };
}

describe('whatever is lost, repeated, late or restarted', () => {
  const follow = async (
    seed: number,
    rest: { readonly keepAfterLossBatches: number; readonly isRemote: boolean },
  ) => {
    const { fleet, messages } = troubledWay(seed, { steps: 150 });
    const memory = createMemoryKvBlockIndex({ blockSizeTokens: 2 });
    const failures = { left: 0 };
    const index = rest.isRemote ? remoteIndex(memory, failures) : memory;
    const { follower } = setup({ ...rest, index });
    for (const [i, message] of messages.entries()) {
      if (i % 7 === 0) failures.left = rest.isRemote ? 1 : 0;
      try {
        await follower.onMessage(message);
      } catch {
        await follower.onMessage(message);
      }
    }
    const states = new Map(
      follower.sources().map(({ source, state }) => [`${source.pod}/${source.dpRank}`, state]),
    );
    return { states, differences: await fleet.differences(memory, 'm') };
  };

  test.each([false, true])(
    'a whole source is told truly (index elsewhere: %s)',
    async (isRemote) => {
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const { states, differences } = await follow(seed, {
            keepAfterLossBatches: 1024,
            isRemote,
          });
          const untrue = differences.filter(
            ({ pod, dpRank }) => states.get(`${pod}/${dpRank}`) === 'whole',
          );
          expect(untrue).toEqual([]);
        }),
        { numRuns: 60 },
      );
    },
  );

  test('an index that keeps nothing after a loss never names a block that is gone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const rest = { keepAfterLossBatches: 0, isRemote: false };
        const { differences } = await follow(seed, rest);
        expect(differences.filter(({ held, said }) => said > held)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
