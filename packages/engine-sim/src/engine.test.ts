import { recordingLogger } from '@llm-d/telemetry/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { describe, expect, test } from 'vitest';
import { findBuiltInProfile } from './built-in-profiles.ts';
import type { StepRecord } from './engine.ts';
import type { KvEvent } from './kv-events/kv-event.ts';
import { buildEngine, prompt } from './testdata/build-engine.ts';

describe('time', () => {
  test('a prompt takes its prefill, each further token a decode step', () => {
    const { clock, submit } = buildEngine();
    const track = submit({ promptTokens: prompt(1, 20), maxTokens: 3 });
    clock.run();
    expect(track.tokenTimesMs).toEqual([21, 32, 43]);
    expect(track.result).toEqual({
      finishReason: 'length',
      promptTokens: 20,
      generatedTokens: 3,
      cachedTokens: 0,
      offloadedTokens: 0,
      preemptions: 0,
      arrivedMs: 0,
      admittedMs: 0,
      firstTokenMs: 21,
      finishedMs: 43,
    });
  });

  test('a prompt longer than the budget is computed in chunks', () => {
    const steps: number[] = [];
    const { clock, submit } = buildEngine(
      {},
      { onStep: (record) => steps.push(record.prefillTokens) },
    );
    submit({ promptTokens: prompt(1, 150), maxTokens: 1 });
    clock.run();
    expect(steps).toEqual([64, 64, 22]);
  });

  test('two long prompts on one engine take about twice as long as one', () => {
    const profile = findBuiltInProfile('llama-3.1-8b-a100');
    if (profile === undefined) throw new Error('profile is missing');
    const lastFirstTokenMs = (prompts: number): number => {
      const { clock, submit } = buildEngine({}, { profile });
      const tracks = Array.from({ length: prompts }, (_, i) =>
        submit({ promptTokens: prompt(i, 20_000), maxTokens: 1 }),
      );
      clock.run();
      return Math.max(...tracks.map(({ tokenTimesMs }) => tokenTimesMs[0] ?? 0));
    };
    expect(lastFirstTokenMs(2) / lastFirstTokenMs(1)).toBeCloseTo(2, 1);
    expect(lastFirstTokenMs(1)).toBeGreaterThan(1900);
    expect(lastFirstTokenMs(1)).toBeLessThan(2700);
  });

  test('a time scale divides every duration', () => {
    const { clock, submit } = buildEngine({ timeScale: 8 });
    const track = submit({ promptTokens: prompt(1, 23), maxTokens: 1 });
    clock.run();
    expect(track.tokenTimesMs).toEqual([3]);
  });

  test('latency settings act from the next step on', () => {
    const { clock, engine, submit } = buildEngine();
    engine.setLatency({ prefillFactor: 2, decodeFactor: 3, extraTtftMs: 100 });
    const track = submit({ promptTokens: prompt(1, 20), maxTokens: 2 });
    expect(engine.snapshot()).toMatchObject({ running: 0, waiting: 1 });
    clock.run();
    expect(track.tokenTimesMs).toEqual([141, 172]);
    expect(engine.latency()).toMatchObject({ prefillFactor: 2, timeFactorUnderLoad: 1 });
  });

  test('a full batch is slower by the load factor', () => {
    const { clock, engine, submit } = buildEngine({ maxNumSeqs: 3 });
    engine.setLatency({ timeFactorUnderLoad: 2 });
    const tracks = [1, 2, 3].map((i) => submit({ promptTokens: prompt(i, 3), maxTokens: 1 }));
    clock.run();
    expect(tracks.map(({ tokenTimesMs }) => tokenTimesMs)).toEqual([[20], [20], [20]]);
  });

  test('steps follow each other without gaps on a clock that wakes late', () => {
    const { clock, engine } = buildEngine();
    const late = {
      nowMs: () => clock.nowMs(),
      epochMs: () => clock.epochMs(),
      schedule: (delayMs: number, callback: () => void) =>
        clock.schedule(10 * Math.ceil(delayMs / 10), callback),
    };
    expect(engine.snapshot().steps).toBe(0);
    const onLate = buildEngine({}, { clock: late });
    let finishedMs = 0;
    onLate.engine.submit(
      { promptTokens: prompt(1, 4), maxTokens: 11, ignoreEos: true },
      { onFinish: (result) => (finishedMs = result.finishedMs) },
    );
    clock.run();
    expect(finishedMs).toBe(5 + 10 * 11);
    expect(clock.nowMs()).toBe(120);
  });
});

describe('the prefix cache', () => {
  test('the second turn of a conversation hits on prompt and answer of the first', () => {
    const { clock, engine, submit } = buildEngine();
    const first = submit({ promptTokens: prompt(1, 30), maxTokens: 11 });
    clock.run();
    const history = [...prompt(1, 30), ...first.tokens, 7, 7, 7];
    const second = submit({ promptTokens: Uint32Array.from(history), maxTokens: 1 });
    clock.run();
    // 40 of the first turn's 41 tokens are computed, in whole blocks.
    expect(second.result?.cachedTokens).toBe(40);
    expect(engine.snapshot()).toMatchObject({
      prefixCacheQueriesTokens: 30 + 44,
      prefixCacheHitsTokens: 40,
    });
  });

  test('the last prompt token is always computed', () => {
    const { clock, submit } = buildEngine();
    submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
    clock.run();
    const again = submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
    clock.run();
    expect(again.result?.cachedTokens).toBe(12);
  });

  test.each([
    ['another adapter', { lora: 'a' }],
    ['another salt', { cacheSalt: 's' }],
  ])('%s shares nothing', (_, change) => {
    const { clock, engine, submit } = buildEngine();
    engine.loadLora('a');
    submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
    clock.run();
    const other = submit({ promptTokens: prompt(1, 16), maxTokens: 1, ...change });
    clock.run();
    expect(other.result?.cachedTokens).toBe(0);
  });

  test('nothing is reused when caching is off', () => {
    const { clock, engine, submit } = buildEngine({ enablePrefixCaching: false });
    submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
    clock.run();
    const again = submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
    clock.run();
    expect(again.result?.cachedTokens).toBe(0);
    expect(engine.snapshot().blocks).toMatchObject({ cached: 0, free: 100 });
  });

  test('the prompt used longest ago is evicted first, its end before its start', () => {
    const { clock, submit } = buildEngine({ numGpuBlocks: 12 });
    const run = (start: number, length = 17) => {
      const track = submit({ promptTokens: prompt(start, length), maxTokens: 1 });
      clock.run();
      return track.result?.cachedTokens;
    };
    run(1);
    run(2);
    run(1);
    run(3);
    // Twelve blocks hold 1 and 2 and leave four; the five of prompt 3 take one from 2, the last of its four.
    expect(run(1)).toBe(16);
    expect(run(2)).toBe(12);
  });

  test('is emptied on demand, but not while sequences hold blocks', () => {
    const { clock, engine, submit } = buildEngine();
    submit({ promptTokens: prompt(1, 16), maxTokens: 2 });
    clock.step();
    expect(engine.resetPrefixCache()).toBe(false);
    clock.run();
    expect(engine.resetPrefixCache()).toBe(true);
    expect(engine.snapshot().blocks).toMatchObject({ cached: 0, used: 0 });
  });

  test('reports its changes: chunks chained by parents, evictions, the reset with the next step', () => {
    const batches: (readonly KvEvent[])[] = [];
    const { clock, engine, submit } = buildEngine(
      { numGpuBlocks: 6, maxNumBatchedTokens: 8 },
      { onKvEvents: (batch) => batches.push(batch) },
    );
    const outputTokens = Uint32Array.of(50, 51, 52, 53);
    submit({ promptTokens: prompt(1, 14), outputTokens, ignoreEos: false });
    clock.run();
    const [first, second, third] = batches.flat();
    expect(batches.map(({ length }) => length)).toEqual([1, 1, 1]);
    expect(first).toMatchObject({
      ...{ kind: 'stored', parent: null, blockSizeTokens: 4, medium: 'GPU' },
      ...{ loraId: null, loraName: null, extraKeys: [null, null] },
      ...{ groupIndex: 0, specKind: 'full_attention' },
    });
    if (first?.kind !== 'stored' || second?.kind !== 'stored' || third?.kind !== 'stored') {
      throw new Error('three stores were expected');
    }
    expect([...first.tokens]).toEqual([...prompt(1, 8)]);
    expect(second.parent).toEqual([...first.hashes.slice(2)]);
    expect([...third.tokens]).toEqual([...prompt(1, 14).subarray(12), 50, 51]);
    batches.length = 0;
    submit({ promptTokens: prompt(2, 17), maxTokens: 1 });
    clock.run();
    expect(batches.map((batch) => batch.map(({ kind }) => kind))).toEqual([
      ['stored'],
      ['removed', 'removed', 'stored'],
      ['removed'],
    ]);
    expect(batches[1]?.[0]).toMatchObject({
      hashes: [...third.hashes],
      medium: 'GPU',
      groupIndex: 0,
    });
    batches.length = 0;
    engine.resetPrefixCache();
    expect(batches).toEqual([]);
    submit({ promptTokens: prompt(3, 4), maxTokens: 1 });
    clock.run();
    expect(batches.map((batch) => batch.map(({ kind }) => kind))).toEqual([['cleared', 'stored']]);
  });

  test('a reset that is not announced takes with it what has yet to be told', () => {
    const batches: (readonly KvEvent[])[] = [];
    const { clock, engine, submit } = buildEngine(
      {},
      { onKvEvents: (batch) => batches.push(batch) },
    );
    submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
    clock.run();
    batches.length = 0;
    engine.resetPrefixCache();
    expect(engine.resetPrefixCache({ announce: false })).toBe(true);
    submit({ promptTokens: prompt(1, 4), maxTokens: 1 });
    clock.run();
    expect(batches.flat().map(({ kind }) => kind)).toEqual(['stored']);
  });

  test('events name what a block depends on besides tokens', () => {
    const events: KvEvent[] = [];
    const { clock, engine, submit } = buildEngine(
      {},
      { onKvEvents: (batch) => events.push(...batch) },
    );
    engine.loadLora('a');
    engine.loadLora('b');
    submit({
      ...{ promptTokens: prompt(1, 12), maxTokens: 1, lora: 'b', cacheSalt: 'tenant' },
      media: [{ identifier: 'cat', startToken: 5, lengthTokens: 4 }],
      sessionId: 's-1',
    });
    clock.run();
    expect(events).toMatchObject([
      {
        loraId: 2,
        loraName: 'b',
        sessionId: 's-1',
        extraKeys: [
          ['b', 'tenant'],
          ['b', ['cat', 1]],
          ['b', ['cat', -3]],
        ],
      },
    ]);
  });

  test('equal placeholder tokens of different media share nothing from there on', () => {
    const { clock, submit } = buildEngine();
    const media = (identifier: string) => [{ identifier, startToken: 6, lengthTokens: 3 }];
    const cached = (identifier: string) => {
      const track = submit({
        promptTokens: prompt(1, 17),
        maxTokens: 1,
        media: media(identifier),
      });
      clock.run();
      return track.result?.cachedTokens;
    };
    expect([cached('cat'), cached('dog'), cached('cat')]).toEqual([0, 4, 16]);
  });

  test('blocks have the same hashes in every engine with the same seed, and others with another', () => {
    const hashesOf = (hashSeed: string) => {
      const { clock, engine, submit } = buildEngine({ hashSeed });
      submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
      clock.run();
      return [...(engine.cacheContents()[0]?.copies.keys() ?? [])];
    };
    expect(hashesOf('0')).toHaveLength(4);
    expect(hashesOf('0')).toEqual(hashesOf('0'));
    expect(hashesOf('0').filter((hash) => hashesOf('1').includes(hash))).toEqual([]);
  });

  test('can be listed: hashes with their copies, and the blocks a prompt need not compute', () => {
    const { clock, engine, submit } = buildEngine();
    // A prompt of whole blocks computes its last one again, into a copy.
    submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
    clock.run();
    submit({ promptTokens: prompt(1, 16), maxTokens: 1 });
    clock.run();
    const [gpu, ...others] = engine.cacheContents();
    expect(others).toEqual([]);
    expect([...(gpu?.copies.values() ?? [])].sort()).toEqual([1, 1, 1, 2]);
    expect(engine.cachedPrefix({ promptTokens: prompt(1, 13) })).toEqual(['GPU', 'GPU', 'GPU']);
    expect(engine.cachedPrefix({ promptTokens: prompt(1, 13), cacheSalt: 's' })).toEqual([]);
  });
});

describe('pressure', () => {
  test('when blocks run out the newest sequence is preempted, and both complete', () => {
    const { clock, engine, submit } = buildEngine({ numGpuBlocks: 12 });
    const older = submit({ promptTokens: prompt(1, 16), maxTokens: 20 });
    const newer = submit({ promptTokens: prompt(2, 16), maxTokens: 20 });
    clock.run();
    expect(engine.snapshot().preemptions).toBeGreaterThan(0);
    expect(older.result).toMatchObject({ generatedTokens: 20, preemptions: 0 });
    expect(newer.result).toMatchObject({ generatedTokens: 20, finishReason: 'length' });
    expect(newer.result?.preemptions).toBeGreaterThan(0);
    expect(older.result?.finishedMs).toBeLessThan(newer.result?.finishedMs ?? 0);
  });

  test('a request waits for blocks instead of failing', () => {
    const { clock, engine, submit } = buildEngine({ numGpuBlocks: 10 });
    submit({ promptTokens: prompt(1, 30), maxTokens: 5 });
    const second = submit({ promptTokens: prompt(2, 30), maxTokens: 5 });
    clock.advance(40);
    expect(engine.snapshot()).toMatchObject({ running: 1, waiting: 1, kvUsage: 0.8 });
    clock.run();
    expect(second.result?.generatedTokens).toBe(5);
  });

  test('first come, first served, up to the limit of sequences', () => {
    const { clock, submit } = buildEngine({ maxNumSeqs: 2 });
    const tracks = [1, 2, 3, 4].map((i) => submit({ promptTokens: prompt(i, 4), maxTokens: i }));
    clock.run();
    const order = tracks.map(({ result }) => result?.admittedMs ?? NaN);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[2]).toBe(tracks[0]?.result?.finishedMs);
  });

  test.each([
    ['the queue is full', { maxWaitingRequests: 1 }, { promptTokens: prompt(2, 4) }, 'overloaded'],
    [
      'the prompt can never fit',
      { numGpuBlocks: 4 },
      { promptTokens: prompt(2, 16) },
      'prompt_too_long',
    ],
    ['the adapter is unknown', {}, { promptTokens: prompt(2, 4), lora: 'x' }, 'unknown_lora'],
    ['there is no prompt', {}, { promptTokens: prompt(2, 0) }, 'invalid'],
    ['there is nothing to generate', {}, { promptTokens: prompt(2, 1), maxTokens: 0 }, 'invalid'],
  ])('a request is refused at once if %s', (_, config, request, reason) => {
    const { clock, submit } = buildEngine(config);
    submit({ promptTokens: prompt(1, 4), maxTokens: 1 });
    const track = submit(request);
    expect(track.submitted).toEqual({ kind: 'refused', reason });
    clock.run();
    expect(track.ends).toBe(0);
  });

  test('an answer ends at the longest length of the model', () => {
    const { clock, submit } = buildEngine({ maxModelLen: 20 });
    const track = submit({ promptTokens: prompt(1, 15), maxTokens: 100 });
    clock.run();
    expect(track.result).toMatchObject({ generatedTokens: 5, finishReason: 'length' });
  });

  test('a request for a further adapter waits while others pass it', () => {
    const { clock, engine, submit } = buildEngine({ maxLoras: 1 });
    engine.loadLora('a');
    engine.loadLora('b');
    expect(engine.loadLora('b')).toBe(false);
    submit({ promptTokens: prompt(1, 4), maxTokens: 3, lora: 'a' });
    const deferred = submit({ promptTokens: prompt(2, 4), maxTokens: 1, lora: 'b' });
    const base = submit({ promptTokens: prompt(3, 4), maxTokens: 1 });
    clock.step();
    expect(engine.snapshot()).toMatchObject({
      running: 2,
      waiting: 1,
      deferred: 1,
      loadedLoras: ['a', 'b'],
      runningLoras: ['a'],
      waitingLoras: ['b'],
    });
    clock.run();
    expect(base.result?.admittedMs).toBe(0);
    expect(deferred.result?.generatedTokens).toBe(1);
    expect(engine.unloadLora('a')).toBe(true);
    expect(engine.unloadLora('a')).toBe(false);
  });
});

describe('ends', () => {
  test('aborting frees everything, wherever the sequence is', () => {
    const { clock, engine, submit } = buildEngine({ maxNumSeqs: 2 });
    const tracks = [1, 2, 3].map((i) => submit({ promptTokens: prompt(i, 8), maxTokens: 50 }));
    clock.advance(60);
    expect(engine.snapshot()).toMatchObject({ running: 2, waiting: 1 });
    for (const { submitted } of tracks) if (submitted.kind === 'accepted') submitted.abort();
    expect(engine.snapshot()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0 });
    for (const track of tracks)
      expect([track.result?.finishReason, track.ends]).toEqual(['abort', 1]);
    clock.run();
    expect(clock.pendingTimers).toBe(0);
    expect(tracks.map(({ ends }) => ends)).toEqual([1, 1, 1]);
  });

  test('aborting twice or after the end does nothing', () => {
    const { clock, submit } = buildEngine();
    const track = submit({ promptTokens: prompt(1, 8), maxTokens: 1 });
    clock.run();
    if (track.submitted.kind === 'accepted') track.submitted.abort();
    expect([track.ends, track.result?.finishReason]).toEqual([1, 'length']);
  });

  test('stopping aborts all, leaves no timer and refuses what comes', () => {
    const { clock, engine, submit } = buildEngine();
    engine.setLatency({ extraTtftMs: 5 });
    const delayed = submit({ promptTokens: prompt(1, 8) });
    engine.setLatency({ extraTtftMs: 0 });
    const running = submit({ promptTokens: prompt(2, 8) });
    clock.step();
    engine.stop();
    expect([delayed.result?.finishReason, running.result?.finishReason]).toEqual([
      'abort',
      'abort',
    ]);
    expect(clock.pendingTimers).toBe(0);
    expect(submit({ promptTokens: prompt(1, 8) }).submitted).toEqual({
      kind: 'refused',
      reason: 'stopped',
    });
  });

  test('sinks may submit and abort while they are called', () => {
    const { clock, engine, submit } = buildEngine();
    const victim = submit({ promptTokens: prompt(1, 4), maxTokens: 50 });
    let next: ReturnType<typeof submit> | undefined;
    engine.submit(
      { promptTokens: prompt(2, 4), maxTokens: 2, ignoreEos: true },
      {
        onToken: () => {
          if (victim.submitted.kind === 'accepted') victim.submitted.abort();
        },
        onFinish: () => {
          next = submit({ promptTokens: prompt(3, 4), maxTokens: 1 });
        },
      },
    );
    clock.run();
    expect([victim.result?.finishReason, victim.tokens.length]).toEqual(['abort', 1]);
    expect(next?.result?.finishReason).toBe('length');
    expect(engine.snapshot()).toMatchObject({ running: 0, waiting: 0, kvUsage: 0 });
  });

  test('a sink that throws loses its sequence only', () => {
    const logger = recordingLogger();
    const { clock, engine, submit } = buildEngine({}, { telemetry: { ...noopTelemetry, logger } });
    engine.submit(
      { promptTokens: prompt(1, 4), maxTokens: 9, ignoreEos: true },
      {
        onToken: () => {
          throw new Error('sink');
        },
        onFinish: () => undefined,
      },
    );
    const other = submit({ promptTokens: prompt(2, 4), maxTokens: 3 });
    clock.run();
    expect(other.result?.generatedTokens).toBe(3);
    expect(logger.lines).toMatchObject([{ level: 'error', message: 'a sink failed' }]);
    expect(engine.snapshot().running).toBe(0);
  });
});

test('a step tells what it did', () => {
  const records: StepRecord[] = [];
  const { clock, submit } = buildEngine({}, { onStep: (record) => records.push({ ...record }) });
  submit({ promptTokens: prompt(1, 4), maxTokens: 2 });
  clock.advance(1);
  submit({ promptTokens: prompt(2, 8), maxTokens: 1 });
  clock.run();
  expect(records).toEqual([
    {
      step: 1,
      startMs: 0,
      endMs: 5,
      prefillTokens: 4,
      decodeSequences: 0,
      generatedTokens: 1,
      preemptions: 0,
      running: 1,
      waiting: 1,
    },
    {
      step: 2,
      startMs: 5,
      endMs: 24,
      prefillTokens: 8,
      decodeSequences: 1,
      generatedTokens: 2,
      preemptions: 0,
      running: 0,
      waiting: 0,
    },
  ]);
});
