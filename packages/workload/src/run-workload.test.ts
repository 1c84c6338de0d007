import { VirtualClock, type Clock } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { runWorkload, type RunOptions } from './run-workload.ts';
import { createScriptedTarget, type ScriptedAnswer } from './scripted-target.ts';
import { openLoopWorkload, type WorkloadRequest } from './workload.ts';

const request = (intendedAtMs: number): WorkloadRequest => ({
  intendedAtMs,
  prompt: 'abcd',
  inputTokens: 1,
  maxTokens: 3,
});
const at = (...instants: number[]) =>
  openLoopWorkload({ name: 'test', seed: 1, parameters: {} }, () => instants.map(request));

function start(instants: number[], script: ScriptedAnswer, options: Partial<RunOptions> = {}) {
  const clock = new VirtualClock({ epochMs: 5000 });
  const target = createScriptedTarget(clock, () => script);
  return { clock, target, running: runWorkload(at(...instants), target, { clock, ...options }) };
}

describe('a run', () => {
  test('sends at the intended instants and measures what it is told', async () => {
    const usage = { promptTokens: 9, completionTokens: 3, cachedTokens: 4 };
    const { clock, running } = start([10, 10, 500], {
      firstPieceMs: 40,
      gapMs: 5,
      usage,
      endpoint: 'a:8000',
    });
    clock.run();
    const { records, interTokenLatency, durationMs, startedAtEpochMs } = await running.result;
    expect(records).toHaveLength(3);
    expect(records[2]).toEqual({
      intendedAtMs: 500,
      sentAtMs: 500,
      inputTokens: 1,
      outputTokens: 3,
      ttftMs: 40,
      tpotMs: 5,
      e2eMs: 50,
      promptTokens: 9,
      cachedTokens: 4,
      status: 200,
      endpoint: 'a:8000',
    });
    expect(interTokenLatency.distribution()).toMatchObject({ count: 6, mean: 5 });
    expect([durationMs, startedAtEpochMs]).toEqual([550, 5000]);
  });

  test('counts latencies from the intended instant when the client is late', async () => {
    const lateTimers: (() => void)[] = [];
    const inner = new VirtualClock();
    const late: Clock = {
      nowMs: () => inner.nowMs(),
      epochMs: () => inner.epochMs(),
      schedule: (_, callback) => {
        lateTimers.push(callback);
        return { cancel: () => undefined };
      },
    };
    const target = createScriptedTarget(inner, () => ({ firstPieceMs: 20 }));
    const running = runWorkload(at(100, 130), target, { clock: late });
    inner.advanceTo(150);
    lateTimers[0]?.();
    inner.run();
    const { records } = await running.result;
    expect(records.map(({ sentAtMs, ttftMs }) => [sentAtMs, ttftMs])).toEqual([
      [150, 70],
      [150, 40],
    ]);
  });

  test('drops and counts what would exceed the most in flight, and delays nothing', async () => {
    const { clock, running, target } = start(
      [0, 1, 2, 30],
      { firstPieceMs: 20 },
      { maxInFlight: 1 },
    );
    clock.run();
    const { records } = await running.result;
    expect(records.map(({ intendedAtMs, failure }) => [intendedAtMs, failure?.kind])).toEqual([
      [1, 'dropped'],
      [2, 'dropped'],
      [0, undefined],
      [30, undefined],
    ]);
    expect(target.requests).toHaveLength(2);
    expect(records[0]?.sentAtMs).toBeUndefined();
    expect(running.progress()).toMatchObject({ sent: 2, ok: 2, failed: 2, inFlight: 0 });
  });

  test('gives up what does not end in time and leaves no timer behind', async () => {
    const { clock, running, target } = start(
      [0, 50],
      { firstPieceMs: 30, gapMs: 40 },
      { timeoutMs: 100 },
    );
    clock.run();
    const { records } = await running.result;
    expect(records.map(({ failure, e2eMs }) => [failure?.kind, e2eMs])).toEqual([
      ['timeout', 100],
      ['timeout', 100],
    ]);
    expect(target.aborted).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test('ends at once when it is aborted', async () => {
    const controller = new AbortController();
    const { clock, running, target } = start(
      [0, 10, 1000],
      { firstPieceMs: 500 },
      { signal: controller.signal },
    );
    clock.advance(100);
    expect(running.progress()).toMatchObject({ elapsedMs: 100, sent: 2, inFlight: 2 });
    controller.abort();
    const { records } = await running.result;
    expect(records.map(({ failure }) => failure?.kind)).toEqual(['aborted', 'aborted']);
    expect(target.aborted).toHaveLength(2);
    expect(clock.run()).toBe(0);
    expect(running.progress().inFlight).toBe(0);
  });

  test('sends nothing when it was aborted before', async () => {
    const { running, target } = start([0], { firstPieceMs: 1 }, { signal: AbortSignal.abort() });
    expect((await running.result).records).toEqual([]);
    expect(target.requests).toEqual([]);
  });

  test('leaves the warm-up out of its figures', async () => {
    const { clock, running } = start(
      [0, 90, 100],
      { firstPieceMs: 7, gapMs: 1 },
      { warmUpMs: 100 },
    );
    clock.run();
    const result = await running.result;
    expect(result.records.map(({ intendedAtMs }) => intendedAtMs)).toEqual([100]);
    expect(result.warmUpRequests).toBe(2);
    expect(result.interTokenLatency.count).toBe(2);
    expect(result.durationMs).toBe(9);
  });

  test('has no first token when answers are not streamed', async () => {
    const clock = new VirtualClock();
    const target = {
      ...createScriptedTarget(clock, () => ({ firstPieceMs: 5, pieces: 1 })),
      streaming: false,
    };
    const running = runWorkload(at(0), target, { clock });
    clock.run();
    const { records } = await running.result;
    expect(records[0]).toMatchObject({ e2eMs: 5, outputTokens: 1 });
    expect(records[0]).not.toHaveProperty('ttftMs');
  });

  test('says the mean time to first token of the good answers as it goes', () => {
    const { clock, running } = start([0, 100], { firstPieceMs: 30 });
    expect(running.progress().ttftMeanMs).toBeUndefined();
    clock.advance(60);
    expect(running.progress()).toMatchObject({ ok: 1, ttftMeanMs: 30 });
  });

  test('of an empty workload ends at once', async () => {
    expect((await start([], { firstPieceMs: 1 }).running.result).records).toEqual([]);
  });
});
