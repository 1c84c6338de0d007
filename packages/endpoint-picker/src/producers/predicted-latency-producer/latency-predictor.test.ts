import { createRandom, systemClock, VirtualClock, type Clock } from '@llm-d/determinism';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { JsonServiceError, type JsonCall, type JsonService } from '../json-service.ts';
import { startFakePredictor } from './fake-predictor.testing.ts';
import {
  defaultLatencyPredictorSettings,
  type LatencyPredictorSettings,
} from './latency-predictor-settings.ts';
import { createLatencyPredictor } from './latency-predictor.ts';
import type { LatencyFeatures, TrainingSample } from './predictor-wire.ts';

const row = (inputTokens: number): LatencyFeatures => ({
  kv_cache_percentage: 0.5,
  input_token_length: inputTokens,
  num_request_waiting: 1,
  num_request_running: 2,
  num_tokens_generated: 1,
  prefix_cache_score: 0.25,
  encoder_input_size: 0,
  encoder_matched_size: 0,
  prefill_tokens_in_flight: 0,
  decode_tokens_in_flight: 0,
});
const sample = (ms: number): TrainingSample => ({
  ...row(1),
  actual_ttft_ms: ms,
  actual_tpot_ms: 0,
  timestamp: '2026-01-01T00:00:00.000Z',
});
const { signal } = new AbortController();
const settle = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

interface SetUp {
  readonly settings?: Partial<LatencyPredictorSettings>;
  readonly clock?: Clock;
  readonly connect?: (url: string) => JsonService;
}

function predictorWith({ settings, clock = systemClock, connect }: SetUp) {
  const logger = recordingLogger();
  const predictor = createLatencyPredictor({
    settings: { ...defaultLatencyPredictorSettings, ...settings },
    clock,
    random: createRandom(1),
    logger,
    ...(connect && { connect }),
  });
  return { predictor, logger };
}

describe('over the wire', () => {
  const start = async (more: Partial<LatencyPredictorSettings> = {}) => {
    const fake = await startFakePredictor(({ input_token_length: tokens }) => ({
      ttftMs: tokens,
      tpotMs: 2 * tokens,
    }));
    const settings = { trainingUrl: fake.url, predictionUrls: [fake.url], ...more };
    const { predictor, logger } = predictorWith({ settings });
    return {
      fake,
      predictor,
      logger,
      async [Symbol.asyncDispose]() {
        await predictor.close();
        await fake.close();
      },
    };
  };

  test('rows of requests that arrive together travel together and come back apart', async () => {
    await using setUp = await start({ coalesceWindowMs: 5 });
    const { predictor, fake } = setUp;
    const answers = await Promise.all([
      predictor.predict([row(1), row(2)], signal),
      predictor.predict([row(3)], signal),
    ]);
    expect(answers).toEqual([
      [
        { ttftMs: 1, tpotMs: 2 },
        { ttftMs: 2, tpotMs: 4 },
      ],
      [{ ttftMs: 3, tpotMs: 6 }],
    ]);
    expect(fake.calls).toEqual([[row(1), row(2), row(3)]]);
    expect(predictor.state).toMatchObject({ status: 'ready', callsUnderWay: 0 });
  });

  test('more rows than a call may have go in several', async () => {
    await using setUp = await start({ coalesceWindowMs: 0, maxBulkSize: 2 });
    const { predictor, fake } = setUp;
    const rows = [1, 2, 3, 4, 5].map(row);
    const times = await predictor.predict(rows, signal);
    expect(times.map(({ ttftMs }) => ttftMs)).toEqual([1, 2, 3, 4, 5]);
    expect(fake.calls.map((call) => call.length).sort()).toEqual([1, 2, 2]);
  });

  test('samples are sent at the latest when the predictor closes', async () => {
    const { predictor, fake } = await start();
    predictor.train(sample(7));
    expect(predictor.state).toMatchObject({ samplesWaiting: 1, samplesSent: 0 });
    await predictor.close();
    await fake.close();
    expect(fake.samples).toEqual([sample(7)]);
    expect(predictor.state).toMatchObject({ samplesWaiting: 0, samplesSent: 1 });
  });

  test('a server without models is left out after three refusals', async () => {
    await using setUp = await start({ coalesceWindowMs: 0 });
    const { predictor, fake, logger } = setUp;
    fake.isReady = false;
    for (let i = 0; i < 3; i++) {
      await expect(predictor.predict([row(1)], signal)).rejects.toMatchObject({ status: 503 });
    }
    expect(predictor.isAvailable).toBe(false);
    await expect(predictor.predict([row(1)], signal)).rejects.toMatchObject({
      code: 'PREDICTOR_UNAVAILABLE',
    });
    expect(logger.lines).toMatchObject([{ message: 'latency predictor is not available' }]);
    expect(predictor.state).toMatchObject({
      status: 'degraded',
      predictionServers: [{ url: fake.url, available: false }],
    });
  });
});

/** Services that answer by a function and note what they are asked. */
function scripted(answer: (url: string, call: JsonCall) => unknown) {
  const calls: string[] = [];
  const connect = (url: string): JsonService => ({
    url,
    call: async (call) => {
      calls.push(url + call.path);
      // A service answers in a later turn.
      await Promise.resolve();
      return answer(url, call);
    },
    close: () => Promise.resolve(),
  });
  return { calls, connect };
}
const times = { predictions: [{ ttft_ms: 1, tpot_ms: 1 }] };
const refuse = (url: string) => {
  throw new JsonServiceError('unreachable', url);
};

describe('a predictor that is down', () => {
  test('is not asked again until its status says that it is ready', async () => {
    const clock = new VirtualClock();
    let state: 'down' | 'starting' | 'up' = 'down';
    const { calls, connect } = scripted((url, { path }) => {
      if (state === 'down') return refuse(url);
      return path === '/status' ? { is_ready: state === 'up' } : times;
    });
    const { predictor, logger } = predictorWith({
      clock,
      connect,
      settings: { coalesceWindowMs: 0, predictionUrls: ['p'] },
    });
    await expect(predictor.predict([row(1)], signal)).rejects.toMatchObject({
      failure: 'unreachable',
    });
    await expect(predictor.predict([row(1)], signal)).rejects.toMatchObject({
      code: 'PREDICTOR_UNAVAILABLE',
    });
    expect(calls).toEqual(['p/predict/bulk/strict']);

    clock.advance(1000);
    await settle();
    expect(calls.at(-1)).toBe('p/status');
    state = 'starting';
    clock.advance(2000);
    await settle();
    expect(predictor.state.predictionServers).toEqual([
      { url: 'p', available: false, lastError: 'it is not ready' },
    ]);
    state = 'up';
    clock.advance(4000);
    await settle();
    expect(predictor.state).toMatchObject({ status: 'ready' });
    expect(await predictor.predict([row(1)], signal)).toEqual([{ ttftMs: 1, tpotMs: 1 }]);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'latency predictor is not available',
      'latency predictor is available again',
    ]);
    await predictor.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test('does not matter while another one is well', async () => {
    const clock = new VirtualClock();
    const { calls, connect } = scripted((url, { path }) => {
      if (url === 'bad') return refuse(url);
      return path === '/status' ? { is_ready: true } : times;
    });
    const { predictor } = predictorWith({
      clock,
      connect,
      settings: { coalesceWindowMs: 0, predictionUrls: ['bad', 'good'] },
    });
    for (let i = 0; i < 20; i++) await predictor.predict([row(1)], signal).catch(() => undefined);
    expect(calls.filter((call) => call.startsWith('bad'))).toHaveLength(1);
    expect(predictor.isAvailable).toBe(true);
    await predictor.close();
  });
});

describe('training', () => {
  const training = (answer: (url: string, call: JsonCall) => unknown, maxSampleSize = 1000) => {
    const clock = new VirtualClock();
    const { calls, connect } = scripted(answer);
    const settings = { maxSampleSize, trainingUrl: 't' };
    return { clock, calls, ...predictorWith({ clock, connect, settings }) };
  };

  test('samples are collected for an interval, and an idle predictor sets no timer', async () => {
    const bodies: unknown[] = [];
    const { clock, predictor } = training((_, { body }) => {
      bodies.push(JSON.parse(String(body)));
      return undefined;
    });
    expect(clock.pendingTimers).toBe(0);
    predictor.train(sample(1));
    predictor.train(sample(2));
    clock.advance(1000);
    await settle();
    expect(bodies).toEqual([{ entries: [sample(1), sample(2)] }]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a server that takes nothing costs samples, not memory, and is reported once', async () => {
    const { clock, predictor, logger } = training(refuse, 10);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 50; i++) predictor.train(sample(1));
      clock.advance(1000);
      await settle();
    }
    expect(predictor.state).toMatchObject({
      samplesWaiting: 0,
      samplesSent: 0,
      samplesDropped: 150,
      trainingError: 't: unreachable',
    });
    expect(logger.lines).toMatchObject([{ message: 'training samples were not taken' }]);
  });
});
