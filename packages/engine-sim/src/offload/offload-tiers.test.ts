import { describe, expect, test } from 'vitest';
import type { KvEvent } from '../kv-events/kv-event.ts';
import { buildEngine, prompt } from '../testdata/build-engine.ts';
import { OffloadOptionsError, type OffloadOptions } from './offload-options.ts';
import { createSharedKvStorage } from './shared-kv-storage.ts';

/** Blocks of 4 tokens take 1 ms each at this rate, after 5 ms. */
const costs = { latencyMs: 5, bytesPerSecond: 4000 };
const cpu = { blocks: 100, ...costs };
const kvBytesPerToken = 1;

function build(offload: OffloadOptions, numGpuBlocks = 8) {
  const batches: (readonly KvEvent[])[] = [];
  const built = buildEngine(
    { numGpuBlocks },
    {
      offload: { kvBytesPerToken, ...offload },
      onKvEvents: (batch) => batches.push(batch),
    },
  );
  const ask = (start: number, length: number) => {
    const track = built.submit({ promptTokens: prompt(start, length), maxTokens: 1 });
    built.clock.run();
    return track;
  };
  return { ...built, ask, batches };
}

const said = (events: readonly KvEvent[]): string[] =>
  events.map((event) =>
    event.kind === 'cleared'
      ? 'cleared'
      : `${event.kind} ${event.hashes.length / 2} ${event.medium}`,
  );

describe('host memory', () => {
  test('gives back what the accelerator has evicted; loading takes latency and bandwidth', () => {
    const { ask, clock, engine } = build({ cpu });
    ask(1, 17);
    ask(2, 29);
    const startMs = clock.nowMs();
    const again = ask(1, 17);
    // Four blocks come in 5 + 4 ms, then a step computes the last token.
    expect(again.result).toMatchObject({ cachedTokens: 16, offloadedTokens: 16 });
    expect(again.tokenTimesMs.map((ms) => ms - startMs)).toEqual([9 + 2]);
    expect(engine.snapshot()).toMatchObject({
      prefixCacheHitsTokens: 0,
      offloadQueriesTokens: 17 + 29 + 17,
      cpuHitsTokens: 16,
      sharedHitsTokens: 0,
    });
  });

  test('continues what the accelerator still has', () => {
    const { ask } = build({ cpu }, 12);
    ask(1, 29);
    ask(2, 25);
    // The seven blocks of prompt 1 have lost their last two.
    expect(ask(1, 29).result).toMatchObject({ cachedTokens: 28, offloadedTokens: 8 });
  });

  test('is asked one transfer after the other, while others run', () => {
    const { ask, clock, engine, submit } = build({ cpu }, 40);
    ask(1, 17);
    ask(2, 17);
    engine.resetPrefixCache();
    const startMs = clock.nowMs();
    const loads = [1, 2].map((start) => submit({ promptTokens: prompt(start, 17), maxTokens: 1 }));
    const other = submit({ promptTokens: prompt(3, 4), maxTokens: 1 });
    clock.advance(2);
    expect(engine.snapshot()).toMatchObject({ running: 1, waiting: 2, deferred: 2 });
    clock.run();
    expect(other.tokenTimesMs.map((ms) => ms - startMs)).toEqual([5]);
    expect(loads.map(({ tokenTimesMs }) => (tokenTimesMs[0] ?? 0) - startMs)).toEqual([11, 20]);
  });

  test('announces copies by their hashes alone unless told to describe them', () => {
    const placeholders = build({ cpu });
    placeholders.ask(1, 9);
    expect(said(placeholders.batches[0] ?? [])).toEqual([
      'stored 2 GPU',
      'stored 1 CPU',
      'stored 1 CPU',
    ]);
    const [, first] = placeholders.batches[0] ?? [];
    expect(first).toMatchObject({ parent: null, blockSizeTokens: 0, tokens: new Uint32Array(0) });
    const described = build({ cpu, selfDescribingEvents: true });
    described.ask(1, 9);
    const [gpu, , second] = described.batches[0] ?? [];
    if (gpu?.kind !== 'stored') throw new Error('a store was expected');
    expect(second).toMatchObject({
      medium: 'CPU',
      parent: [...gpu.hashes.slice(0, 2)],
      hashes: gpu.hashes.slice(2),
      tokens: prompt(1, 9).subarray(4, 8),
      blockSizeTokens: 4,
    });
  });

  test('gives up what was used longest ago, and says so before the store', () => {
    const { ask, batches } = build({ cpu: { ...cpu, blocks: 4 } }, 40);
    ask(1, 13);
    batches.length = 0;
    ask(2, 9);
    expect(said(batches.flat())).toEqual([
      ...['stored 2 GPU', 'removed 1 CPU', 'stored 1 CPU', 'stored 1 CPU'],
    ]);
    batches.length = 0;
    ask(3, 25);
    // Six blocks never fit.
    expect(said(batches.flat())).toEqual(['stored 6 GPU']);
  });

  test.each([
    [true, 2],
    [undefined, 2],
    [false, 4],
  ])('keeps answers out if promptOnly is %s', (promptOnly, blocks) => {
    const { clock, engine, submit } = build({
      cpu,
      ...(promptOnly === undefined ? {} : { promptOnly }),
    });
    submit({ promptTokens: prompt(1, 10), maxTokens: 7 });
    clock.run();
    const [, host] = engine.cacheContents();
    expect([host?.medium, host?.copies.size]).toEqual(['CPU', blocks]);
  });

  test('outlives a reset of the prefix cache unless it is meant too', () => {
    const { ask, engine } = build({ cpu });
    ask(1, 9);
    engine.resetPrefixCache();
    expect(engine.cachedPrefix({ promptTokens: prompt(1, 9) })).toEqual(['CPU', 'CPU']);
    engine.resetPrefixCache({ offload: true });
    expect(engine.cachedPrefix({ promptTokens: prompt(1, 9) })).toEqual([]);
  });

  test('a request that is aborted while it loads leaves no block in use', () => {
    const { ask, clock, engine, submit } = build({ cpu });
    ask(1, 17);
    engine.resetPrefixCache();
    const track = submit({ promptTokens: prompt(1, 17), maxTokens: 1 });
    clock.advance(1);
    expect(engine.snapshot()).toMatchObject({ running: 0, waiting: 1, kvUsage: 0.5 });
    if (track.submitted.kind === 'accepted') track.submitted.abort();
    expect(engine.snapshot()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0 });
    clock.run();
    expect([track.ends, clock.pendingTimers]).toEqual([1, 0]);
  });
});

describe('shared storage', () => {
  test('gives one engine what another has computed, and leaves it in host memory', () => {
    const storage = createSharedKvStorage();
    const shared = { storage, latencyMs: 20, bytesPerSecond: 2000 };
    const writer = build({ shared });
    const reader = build({ shared, cpu });
    writer.ask(1, 17);
    expect(said(writer.batches.flat())).toEqual([
      'stored 4 GPU',
      ...Array.from({ length: 4 }, () => 'stored 1 SHARED_STORAGE'),
    ]);
    const track = reader.ask(1, 17);
    expect(track.result).toMatchObject({ cachedTokens: 16, offloadedTokens: 16 });
    expect(track.tokenTimesMs).toEqual([20 + 8 + 2]);
    expect(said(reader.batches.flat())).toEqual([
      'stored 4 GPU',
      ...Array.from({ length: 4 }, () => 'stored 1 CPU'),
    ]);
    expect(reader.engine.snapshot()).toMatchObject({ cpuHitsTokens: 0, sharedHitsTokens: 16 });
    reader.engine.resetPrefixCache();
    expect(reader.ask(1, 17).tokenTimesMs.length).toBe(1);
    expect(reader.engine.snapshot()).toMatchObject({ cpuHitsTokens: 16, sharedHitsTokens: 16 });
  });

  test('is written once, under the word it was given, and never gives anything up', () => {
    const storage = createSharedKvStorage({ medium: 'FS', maxBlocks: 3 });
    const engines = [build({ shared: { storage } }), build({ shared: { storage } })];
    for (const { ask } of engines) ask(1, 17);
    const written = engines.flatMap(({ batches }) => said(batches.flat()));
    expect(written.filter((event) => event.endsWith('FS'))).toEqual([
      ...['stored 1 FS', 'stored 1 FS', 'stored 1 FS'],
    ]);
    expect(storage.size).toBe(3);
  });

  test('is shared only by engines with the same hash seed', () => {
    const storage = createSharedKvStorage();
    const offload = { shared: { storage } };
    for (const hashSeed of ['0', '1']) {
      const { clock, submit } = buildEngine({ hashSeed }, { offload });
      const track = submit({ promptTokens: prompt(1, 17), maxTokens: 1 });
      clock.run();
      expect(track.result?.cachedTokens).toBe(0);
    }
    expect(storage.size).toBe(8);
  });
});

test.each([
  [{ cpu: { blocks: 0 } }, 'cpu.blocks must be a whole number from 1, got 0'],
  [{ cpu: { blocks: 1, latencyMs: -1 } }, 'cpu.latencyMs must be from 0, got -1'],
  [{ cpu: { blocks: 1, bytesPerSecond: 0 } }, 'cpu.bytesPerSecond must be above 0, got 0'],
  [{ kvBytesPerToken: NaN }, 'kvBytesPerToken must be above 0, got NaN'],
])('%j is refused', (offload, message) => {
  expect(() => build(offload)).toThrow(OffloadOptionsError);
  if ('kvBytesPerToken' in offload || 'cpu' in offload) {
    expect(() => build(offload)).toThrow(message);
  }
});
