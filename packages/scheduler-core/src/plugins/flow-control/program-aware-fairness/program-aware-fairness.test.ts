import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import {
  programFairnessIndex,
  programServiceTokens,
  programWaitMilliseconds,
} from '../../../metrics.ts';
import { makePlugin } from '../../../testing/index.ts';
import { makeQueued, partOf, TestBand } from '../policy.testing.ts';
import { programAwareFairness } from './program-aware-fairness.ts';

const setUp = (parameters: Record<string, unknown> = {}) => {
  const metrics = recordingMetrics();
  const telemetry = { ...noopTelemetry, metrics };
  const policy = partOf(
    makePlugin(programAwareFairness, parameters, { telemetry }),
    'fairnessPolicy',
  );
  const serve = (program: string, tokens: number, nowMs = 0, waitedMs = 0) => {
    const request = makeQueued({ fairnessId: program, enqueuedMs: nowMs - waitedMs });
    policy.dispatched?.(request, nowMs);
    const usage = { promptTokens: tokens, completionTokens: 0, cachedTokens: undefined };
    policy.ended?.(request, usage, nowMs);
  };
  const service = (program: string) => metrics.value(programServiceTokens, { program_id: program });
  return { policy, metrics, serve, service, band: new TestBand(policy) };
};

describe('who is served', () => {
  test('the program that had the least', () => {
    const { serve, band } = setUp();
    serve('a', 1000);
    serve('b', 10);
    band.push('a');
    band.push('b');
    band.push('c');
    expect([band.take(), band.take(), band.take()].map((r) => r?.fairnessId)).toEqual([
      'c',
      'b',
      'a',
    ]);
  });

  test('an output token counts like two of the prompt', () => {
    const { policy, service } = setUp();
    const request = makeQueued({ fairnessId: 'a' });
    policy.dispatched?.(request, 0);
    policy.ended?.(request, { promptTokens: 10, completionTokens: 5, cachedTokens: undefined }, 0);
    expect(service('a')).toBe(20);
  });

  test('among equals who has waited longest, then who came first', () => {
    const { band } = setUp();
    band.push('a', { enqueuedMs: 50 });
    band.push('b', { enqueuedMs: 10 });
    band.push('c', { enqueuedMs: 10 });
    expect([band.take(100), band.take(100)].map((r) => r?.fairnessId)).toEqual(['b', 'c']);
  });

  test.each([
    [0.8, 0.2, 'b'],
    [0.2, 0.8, 'a'],
  ])('weights %d and %d decide between little service and a long wait', (service, wait, first) => {
    const { serve, band } = setUp({ lasWeightService: service, lasWeightHeadWait: wait });
    serve('a', 1000);
    band.push('a', { enqueuedMs: 0 });
    band.push('b', { enqueuedMs: 90 });
    expect(band.take(100)?.fairnessId).toBe(first);
  });
});

describe('service', () => {
  test.each([
    [60, 60_000, 510],
    [60, 120_000, 260],
    [0, 1e9, 1010],
  ])('with a half-life of %d s is after %d ms and 10 tokens more %d', (halfLife, afterMs, left) => {
    const { serve, service } = setUp({ lasHalfLifeSeconds: halfLife, evictionTtlSeconds: 0 });
    serve('a', 1000, 0);
    serve('a', 10, afterMs);
    expect(service('a')).toBeCloseTo(left);
  });

  test('is not changed by an answer that says nothing', () => {
    const { policy, service } = setUp();
    const request = makeQueued();
    policy.dispatched?.(request, 0);
    policy.ended?.(request, undefined, 0);
    expect(service('a')).toBe(0);
  });
});

describe('what is shown', () => {
  test('the mean wait of each program and how even they are', () => {
    const { serve, metrics } = setUp();
    expect(metrics.value(programFairnessIndex, {})).toBe(0);
    serve('a', 1, 100, 30);
    serve('a', 1, 200, 10);
    expect(metrics.value(programWaitMilliseconds, { program_id: 'a' })).toBe(20);
    expect(metrics.value(programFairnessIndex, {})).toBe(1);
    serve('b', 1, 300, 0);
    expect(metrics.value(programFairnessIndex, {})).toBeCloseTo(0.5);
  });

  test('a program without requests is forgotten with its series, one in flight is not', () => {
    const { policy, serve, service } = setUp({ evictionTtlSeconds: 100, evictionSweepSeconds: 10 });
    serve('idle', 500, 0);
    serve('busy', 700, 0);
    policy.dispatched?.(makeQueued({ fairnessId: 'busy' }), 1000);
    serve('other', 1, 200_000);
    expect([service('idle'), service('busy')]).toEqual([0, 700]);
  });

  test('beyond the bound the program without requests for longest is forgotten', () => {
    const { serve, service } = setUp({ maxPrograms: 2 });
    for (const program of ['a', 'b', 'a', 'c']) serve(program, 100);
    expect([service('a'), service('b'), service('c')]).toEqual([200, 0, 100]);
  });

  test('only so many programs have series of their own', () => {
    const { serve, service } = setUp();
    for (let i = 0; i < 1001; i++) serve(`p${i}`, 7);
    expect([service('p0'), service('p999'), service('p1000')]).toEqual([7, 7, 0]);
  });
});
