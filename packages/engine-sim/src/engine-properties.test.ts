import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildEngine, prompt, type Track } from './testdata/build-engine.ts';

/** Requests of a small engine under pressure, some of them aborted later. */
const load = fc.array(
  fc.record({
    /** Few different prompts, so that prefixes are shared. */
    start: fc.nat({ max: 3 }),
    length: fc.integer({ min: 1, max: 60 }),
    maxTokens: fc.integer({ min: 1, max: 30 }),
    atMs: fc.nat({ max: 300 }),
    abortAfterMs: fc.option(fc.nat({ max: 200 }), { nil: undefined }),
    lora: fc.constantFrom(undefined, undefined, 'a', 'b'),
  }),
  { maxLength: 25 },
);
type Load = typeof load extends fc.Arbitrary<infer T> ? T : never;

const config = {
  numGpuBlocks: 24,
  maxNumSeqs: 4,
  maxNumBatchedTokens: 16,
  maxWaitingRequests: 1000,
};

function run(requests: Load, check: (engine: ReturnType<typeof buildEngine>['engine']) => void) {
  const { clock, engine, submit } = buildEngine(config, {
    onStep: () => {
      check(engine);
    },
  });
  engine.loadLora('a');
  engine.loadLora('b');
  const tracks: Track[] = [];
  for (const { start, length, maxTokens, atMs, abortAfterMs, lora } of requests) {
    clock.schedule(atMs, () => {
      const track = submit({ promptTokens: prompt(start, length), maxTokens, lora });
      tracks.push(track);
      if (abortAfterMs === undefined) return;
      clock.schedule(abortAfterMs, () => {
        if (track.submitted.kind === 'accepted') track.submitted.abort();
      });
    });
  }
  clock.run();
  return { clock, engine, tracks };
}

test('blocks are conserved and limits are kept at every step', () => {
  fc.assert(
    fc.property(load, (requests) => {
      run(requests, (engine) => {
        const { blocks, running } = engine.snapshot();
        expect(blocks.used + blocks.cached + blocks.free).toBe(config.numGpuBlocks);
        for (const count of [blocks.used, blocks.cached, blocks.free]) {
          expect(count).toBeGreaterThanOrEqual(0);
        }
        expect(running).toBeLessThanOrEqual(config.maxNumSeqs);
      });
    }),
  );
});

test('every sequence ends exactly once, with all of its tokens unless it was aborted', () => {
  fc.assert(
    fc.property(load, (requests) => {
      const { clock, engine, tracks } = run(requests, () => undefined);
      expect(tracks).toHaveLength(requests.length);
      for (const { ends, tokens, result } of tracks) {
        expect(ends).toBe(1);
        expect(tokens).toHaveLength(result?.generatedTokens ?? -1);
        if (result?.finishReason !== 'abort') expect(result?.finishReason).toBe('length');
      }
      const { running, waiting, kvUsage, blocks } = engine.snapshot();
      expect([running, waiting, kvUsage, blocks.used]).toEqual([0, 0, 0, 0]);
      expect(clock.pendingTimers).toBe(0);
    }),
  );
});

test('the engine works without a pause from the first arrival until nobody is left', () => {
  fc.assert(
    fc.property(load, (requests) => {
      const { clock, engine, submit } = buildEngine(config, {
        onStep: ({ startMs, endMs, prefillTokens, decodeSequences }) => {
          expect(startMs).toBeCloseTo(lastEndMs, 6);
          expect(prefillTokens + decodeSequences).toBeGreaterThan(0);
          lastEndMs = endMs;
        },
      });
      let lastEndMs = 0;
      for (const { start, length, maxTokens } of requests) {
        submit({ promptTokens: prompt(start, length), maxTokens });
      }
      clock.run();
      expect(engine.snapshot()).toMatchObject({ running: 0, waiting: 0 });
    }),
  );
});

test('the same load and seed give the same answers at the same times', () => {
  fc.assert(
    fc.property(load, (requests) => {
      const facts = () =>
        run(requests, () => undefined).tracks.map(({ tokens, tokenTimesMs, result }) => ({
          tokens,
          tokenTimesMs,
          result,
        }));
      expect(facts()).toEqual(facts());
    }),
    { numRuns: 30 },
  );
});

test('an answer does not depend on what else the engine does', () => {
  fc.assert(
    fc.property(load, fc.nat(), (requests, seed) => {
      const alone = buildEngine(config);
      const track = alone.submit({ promptTokens: prompt(9, 10), maxTokens: 20, seed });
      alone.clock.run();
      const crowded = buildEngine(config);
      for (const { start, length, maxTokens } of requests) {
        crowded.submit({ promptTokens: prompt(start, length), maxTokens });
      }
      const other = crowded.submit({ promptTokens: prompt(9, 10), maxTokens: 20, seed });
      crowded.clock.run();
      expect(other.tokens).toEqual(track.tokens);
    }),
    { numRuns: 30 },
  );
});
