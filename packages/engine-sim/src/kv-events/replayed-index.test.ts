import {
  createKvEventDecoder,
  createMemoryKvBlockIndex,
  createRequestKeyHasher,
  tierOf,
} from '@llm-d/kv-index';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import { createSharedKvStorage } from '../offload/shared-kv-storage.ts';
import type { OffloadOptions } from '../offload/offload-options.ts';
import type { EngineRequest } from '../request.ts';
import { buildEngine, plainProfile, prompt } from '../testdata/build-engine.ts';
import type { KvEvent } from './kv-event.ts';
import { createKvEventEncoder, type KvEventEncoding } from './kv-event-encoder.ts';

const BLOCK = plainProfile.blockSizeTokens;
const SOURCE = { pod: 'p', dpRank: 0, model: plainProfile.model, epoch: '0' };

/** An index that is told everything an engine publishes, by way of the bytes. */
class Follower {
  readonly index = createMemoryKvBlockIndex({ blockSizeTokens: BLOCK });
  readonly #encoder: ReturnType<typeof createKvEventEncoder>;
  readonly #decoder = createKvEventDecoder();
  readonly #hasher = createRequestKeyHasher();
  /** Copies by "medium hash", counted from the events alone. */
  readonly #copies = new Map<string, number>();

  constructor(encoding: KvEventEncoding) {
    this.#encoder = createKvEventEncoder(encoding);
  }

  follow(events: readonly KvEvent[]): void {
    for (const event of events) this.#count(event);
    const payload = this.#encoder.encode({ timestampSeconds: 1, events, dataParallelRank: 0 });
    const decoded = this.#decoder.decode(payload);
    if (!decoded.ok) throw decoded.error;
    expect(this.index.apply(decoded.batch, SOURCE).unplaced).toEqual([]);
  }

  #count(event: KvEvent): void {
    if (event.kind === 'cleared') {
      this.#copies.clear();
      return;
    }
    for (let i = 0; i < event.hashes.length; i += 2) {
      const hash = (BigInt(event.hashes[i + 1] ?? 0) << 32n) | BigInt(event.hashes[i] ?? 0);
      const name = `${event.medium} ${hash}`;
      const copies = (this.#copies.get(name) ?? 0) + (event.kind === 'stored' ? 1 : -1);
      if (copies === 0) this.#copies.delete(name);
      else this.#copies.set(name, copies);
    }
  }

  expectEqual(engine: Engine, requests: readonly EngineRequest[]): void {
    const truth = new Map(
      engine
        .cacheContents()
        .flatMap(({ medium, copies }) =>
          [...copies].map(([hash, count]): [string, number] => [`${medium} ${hash}`, count]),
        ),
    );
    expect(new Map([...this.#copies].sort())).toEqual(new Map([...truth].sort()));
    expect(this.index.stats().copies).toBe(truth.size);
    for (const request of requests) {
      expect(this.#tiersFor(request)).toEqual(countByTier(engine.cachedPrefix(request)));
    }
  }

  #tiersFor(request: EngineRequest): Record<string, number> {
    const { promptTokens, lora, cacheSalt, media = [] } = request;
    const extras = Array.from({ length: Math.floor(promptTokens.length / BLOCK) }, (_, block) => [
      ...media
        .filter(
          ({ startToken, lengthTokens }) =>
            startToken < (block + 1) * BLOCK && startToken + lengthTokens > block * BLOCK,
        )
        .map(({ identifier }) => identifier),
      ...(block === 0 && cacheSalt !== undefined ? [cacheSalt] : []),
    ]);
    const keys = this.#hasher.keys(promptTokens, {
      model: lora ?? SOURCE.model,
      blockSizeTokens: BLOCK,
      extras: extras.map((keysOfBlock) => (keysOfBlock.length === 0 ? null : keysOfBlock)),
    });
    const byTier = this.index.lookup(keys).holders[0]?.byTier ?? [];
    return Object.fromEntries(byTier.map(({ tier, blocks }) => [tier, blocks]));
  }
}

function countByTier(media: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const medium of media) counts[tierOf(medium)] = (counts[tierOf(medium)] ?? 0) + 1;
  return counts;
}

const request = fc.record({
  /** Few different prompts, so that prefixes are shared. */
  start: fc.nat({ max: 4 }),
  length: fc.integer({ min: 1, max: 60 }),
  maxTokens: fc.integer({ min: 1, max: 20 }),
  atMs: fc.nat({ max: 400 }),
  abortAfterMs: fc.option(fc.nat({ max: 200 })),
  lora: fc.constantFrom(undefined, undefined, 'a'),
  cacheSalt: fc.constantFrom(undefined, undefined, 's'),
  media: fc.constantFrom(undefined, undefined, 'cat', 'dog'),
});
const offload = fc.constantFrom('none', 'cpu', 'shared', 'both');
const workload = fc.record({
  requests: fc.array(request, { maxLength: 30 }),
  resetsAtMs: fc.array(fc.nat({ max: 500 }), { maxLength: 3 }),
  offload,
  selfDescribingEvents: fc.boolean(),
  promptOnly: fc.boolean(),
  encoding: fc.record({
    form: fc.constantFrom('array' as const, 'map' as const),
    hashes: fc.constantFrom('int' as const, 'bytes' as const),
  }),
});
type Workload = typeof workload extends fc.Arbitrary<infer T> ? T : never;

function offloadOf(load: Workload): OffloadOptions | undefined {
  if (load.offload === 'none') return undefined;
  return {
    selfDescribingEvents: load.selfDescribingEvents,
    promptOnly: load.promptOnly,
    ...(load.offload === 'shared' ? {} : { cpu: { blocks: 20, latencyMs: 3 } }),
    ...(load.offload === 'cpu'
      ? {}
      : { shared: { storage: createSharedKvStorage(), latencyMs: 8 } }),
  };
}

test('an index that hears all events knows exactly what the caches hold, after any load', () => {
  fc.assert(
    fc.property(workload, (load) => {
      const follower = new Follower(load.encoding);
      const options = offloadOf(load);
      const { clock, engine, submit } = buildEngine(
        { numGpuBlocks: 24, maxNumSeqs: 4, maxNumBatchedTokens: 16 },
        {
          ...(options === undefined ? {} : { offload: options }),
          onKvEvents: (events) => {
            follower.follow(events);
          },
        },
      );
      engine.loadLora('a');
      const requests: EngineRequest[] = load.requests.map((given) => ({
        promptTokens: prompt(given.start, given.length),
        maxTokens: given.maxTokens,
        lora: given.lora,
        cacheSalt: given.cacheSalt,
        media: given.media && [{ identifier: given.media, startToken: 6, lengthTokens: 9 }],
      }));
      load.requests.forEach(({ atMs, abortAfterMs }, i) => {
        clock.schedule(atMs, () => {
          const { submitted } = submit(requests[i] as EngineRequest);
          if (abortAfterMs === null || submitted.kind === 'refused') return;
          clock.schedule(abortAfterMs, submitted.abort);
        });
      });
      // What is in shared storage stays when an engine forgets everything, so there it is not told again.
      const resets = options?.shared === undefined ? load.resetsAtMs : [];
      for (const atMs of resets) {
        clock.schedule(atMs, () => engine.resetPrefixCache({ offload: true }));
      }
      clock.run();
      // Events of a reset come with the next step.
      submit({ promptTokens: prompt(9, 4), maxTokens: 1 });
      clock.run();
      follower.expectEqual(engine, requests);
      expect(clock.pendingTimers).toBe(0);
      const { running, waiting, kvUsage } = engine.snapshot();
      expect([running, waiting, kvUsage]).toEqual([0, 0, 0]);
    }),
    { numRuns: 300 },
  );
});
