import { VirtualClock } from '@llm-d/determinism';
import {
  inflightLoad,
  latencyPredictions,
  prefixMatches,
  tokenizedPrompt,
  type Completion,
  type Endpoint,
  type ProfileOutcome,
  type SchedulingResult,
} from '@llm-d/scheduler-core';
import {
  makeCycle,
  makeEndpoint,
  makeInflightLoad,
  makePrefixMatches,
} from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import type { JsonService } from '../json-service.ts';
import { instantiate } from '../producing.testing.ts';
import { defaultLatencyPredictorSettings } from './latency-predictor-settings.ts';
import {
  inferenceRequestMetric,
  requestPredictedTtftSeconds,
  requestSloViolationTotal,
} from './predicted-latency-metrics.ts';
import { createPredictedLatencyProducer } from './predicted-latency-producer.ts';
import type { LatencyFeatures, TrainingSample } from './predictor-wire.ts';

const a = makeEndpoint('a').kvUsage(0.5).queue(3).label('role', 'decode');
const b = makeEndpoint('b').running(4).label('role', 'prefill');
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A predictor in this process: 100 ms to the first token on a, 300 on b; 10 and 20 for further ones. */
function fakeConnect() {
  const rows: LatencyFeatures[] = [];
  const samples: TrainingSample[] = [];
  let isDown = false;
  const connect = (url: string): JsonService => ({
    url,
    call: async ({ path, body }) => {
      await Promise.resolve();
      if (isDown) throw new Error('down');
      // The producer writes what the wire's own types say.
      const asked = JSON.parse(String(body ?? '{}')) as {
        requests?: LatencyFeatures[];
        entries?: TrainingSample[];
      };
      samples.push(...(asked.entries ?? []));
      if (path !== '/predict/bulk/strict') return { is_ready: true };
      rows.push(...(asked.requests ?? []));
      return {
        predictions: asked.requests?.map(({ num_request_waiting: waiting }) =>
          waiting === 3 ? { ttft_ms: 100, tpot_ms: 10 } : { ttft_ms: 300, tpot_ms: 20 },
        ),
      };
    },
    close: () => Promise.resolve(),
  });
  const fail = () => {
    isDown = true;
  };
  return { rows, samples, connect, fail };
}

interface Setup {
  readonly parameters?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly isDown?: boolean;
}

async function setUp({ parameters = {}, headers = {}, isDown = false }: Setup = {}) {
  const clock = new VirtualClock({ epochMs: Date.UTC(2026, 0, 1) });
  const metrics = recordingMetrics();
  const predictor = fakeConnect();
  if (isDown) predictor.fail();
  const settings = { ...defaultLatencyPredictorSettings, coalesceWindowMs: 0 };
  const plugin = instantiate(
    createPredictedLatencyProducer({ settings, connect: predictor.connect }),
    { parameters, clock, telemetry: { ...noopTelemetry, metrics } },
  );
  const cycle = makeCycle({
    request: { model: 'm', targetModel: 't', headers: new Map(Object.entries(headers)) },
    attributes: [
      [tokenizedPrompt(), { ids: new Uint32Array(1000), estimated: true }],
      [prefixMatches(), makePrefixMatches({ a: 4 })],
      [inflightLoad(), makeInflightLoad({ a: { requests: 2, tokens: 500 } })],
    ],
  });
  const output = { attributes: cycle.attributes, signal: new AbortController().signal };
  const produced = plugin.producer?.produce(cycle, [a, b], output);
  await Promise.resolve(produced).catch(() => undefined);
  const predictions = cycle.attributes.get(latencyPredictions());

  const place = (endpoint: Endpoint, prefill?: Endpoint) => {
    const result = placedOn(endpoint, prefill);
    plugin.preRequest?.preRequest(cycle, result, new Map());
    return {
      firstByte: (afterMs: number) => {
        clock.advance(afterMs);
        plugin.response?.responseStarted?.({ cycle, result }, clock.nowMs());
      },
      end: (afterMs: number, completion: Partial<Completion> = {}) => {
        clock.advance(afterMs);
        plugin.response?.responseCompleted?.(
          { cycle, result },
          {
            termination: 'natural',
            status: 200,
            usage: undefined,
            atMs: clock.nowMs(),
            ...completion,
          },
        );
      },
    };
  };
  const taught = async () => {
    clock.advance(1000);
    await settle();
    return predictor.samples;
  };
  return { plugin, predictor, predictions, place, taught, metrics, clock };
}

const outcome = (profile: string, endpoint: Endpoint): ProfileOutcome => ({
  profile,
  candidates: [endpoint],
  filters: [],
  scored: [endpoint],
  scorers: [],
  totals: [0],
  picked: [endpoint],
});
const placedOn = (endpoint: Endpoint, prefill?: Endpoint): SchedulingResult => ({
  kind: 'scheduled',
  primary: 'default',
  endpoints: [endpoint],
  outcomes: new Map([
    ['default', outcome('default', endpoint)],
    ...(prefill ? [['prefill', outcome('prefill', prefill)] as const] : []),
  ]),
});
const usage = (completionTokens: number) => ({
  promptTokens: 1000,
  completionTokens,
  cachedTokens: undefined,
});
const labels = {
  plugin_name: 'predicted-latency-producer',
  plugin_type: 'predicted-latency-producer',
  model_name: 'm',
  target_model_name: 't',
};

describe('predictions', () => {
  test('are asked for with the state of every candidate', async () => {
    const { predictor } = await setUp({ parameters: { endpointRoleLabel: 'role' } });
    expect(predictor.rows).toEqual([
      {
        kv_cache_percentage: 0.5,
        input_token_length: 1000,
        num_request_waiting: 3,
        num_request_running: 2,
        num_tokens_generated: 1,
        prefix_cache_score: 0.4,
        encoder_input_size: 0,
        encoder_matched_size: 0,
        pod_type: 'decode',
        prefill_tokens_in_flight: 500,
        decode_tokens_in_flight: 0,
      },
      expect.objectContaining({
        prefix_cache_score: 0,
        num_request_running: 0,
        pod_type: 'prefill',
      }),
    ]);
  });

  test.each([
    ['x-llm-d-slo-ttft-ms', 'x-llm-d-slo-tpot-ms'],
    ['x-slo-ttft-ms', 'x-slo-tpot-ms'],
  ])('are held against the objectives in %s and %s', async (ttft, tpot) => {
    const { predictions } = await setUp({
      parameters: { streamingMode: true },
      headers: { [ttft]: '200', [tpot]: '15' },
    });
    expect(predictions?.of(a)).toEqual({
      ttftMs: 100,
      tpotMs: 10,
      ttftHeadroomMs: 100,
      tpotHeadroomMs: 5,
      dispatchedRequests: 0,
    });
    expect(predictions?.of(b)).toMatchObject({ ttftHeadroomMs: -100, tpotHeadroomMs: -5 });
  });

  test('are not made for learning alone', async () => {
    const { predictions, predictor } = await setUp({ parameters: { predictInProduce: false } });
    expect([predictions, predictor.rows]).toEqual([undefined, []]);
  });

  test('are left out while the predictor is down, which can be seen', async () => {
    const { predictions, plugin, place, taught } = await setUp({ isDown: true });
    expect(predictions).toBeUndefined();
    expect(plugin.state?.()).toMatchObject({
      status: 'ready',
      predictionServers: [{ available: true, lastError: 'down' }],
      requestsRunning: 0,
    });
    place(a).end(50);
    expect(await taught()).toEqual([]);
  });
});

describe('what is learnt', () => {
  test('without streaming is the time of the whole answer', async () => {
    const { place, taught, metrics } = await setUp({ headers: { 'x-slo-ttft-ms': '200' } });
    const exchange = place(a);
    exchange.firstByte(40);
    exchange.end(360, { usage: usage(11) });
    expect(await taught()).toEqual([
      expect.objectContaining({
        actual_ttft_ms: 400,
        actual_tpot_ms: 0,
        input_token_length: 1000,
        num_tokens_generated: 0,
        prefix_cache_score: 0.4,
        prefill_tokens_in_flight: 500,
        num_request_running: 2,
        timestamp: '2026-01-01T00:00:00.400Z',
      }),
    ]);
    expect(metrics.value(inferenceRequestMetric, { ...labels, type: 'ttft' })).toBe(0.4);
    expect(metrics.observations(requestPredictedTtftSeconds, labels)).toEqual([0.1]);
    expect(metrics.value(requestSloViolationTotal, { ...labels, type: 'ttft' })).toBe(1);
  });

  test('with streaming is the first token and the mean of the others', async () => {
    const { place, taught, metrics } = await setUp({
      parameters: { streamingMode: true },
      headers: { 'x-slo-tpot-ms': '50' },
    });
    const exchange = place(a);
    exchange.firstByte(100);
    exchange.end(300, { usage: usage(11) });
    const [first, further] = await taught();
    expect(first).toMatchObject({ actual_ttft_ms: 100, actual_tpot_ms: 0 });
    expect(further).toMatchObject({
      actual_ttft_ms: 0,
      actual_tpot_ms: 30,
      prefix_cache_score: 0,
      prefill_tokens_in_flight: 500,
    });
    expect(metrics.value(inferenceRequestMetric, { ...labels, type: 'tpot_slo_violation' })).toBe(
      0,
    );
    expect(metrics.value(inferenceRequestMetric, { ...labels, type: 'predicted_tpot' })).toBe(0.01);
  });

  test('events stand for tokens where the engine does not count', async () => {
    const { place, taught } = await setUp({ parameters: { streamingMode: true } });
    const exchange = place(a);
    exchange.firstByte(100);
    exchange.end(300, { streamedEvents: 31 });
    expect((await taught())[1]).toMatchObject({ actual_tpot_ms: 10 });
  });

  test('of the first token is that of the server that computed the prompt', async () => {
    const { place, taught } = await setUp({
      parameters: { streamingMode: true, endpointRoleLabel: 'role' },
    });
    const exchange = place(a, b);
    exchange.firstByte(100);
    exchange.end(100, { usage: usage(2) });
    expect((await taught()).map(({ pod_type: role }) => role)).toEqual(['prefill', 'decode']);
  });

  test.each<[string, Partial<Completion>]>([
    ['failed', { status: 500 }],
    ['broke off', { termination: 'error' }],
    ['was left by its client', { termination: 'client-disconnect' }],
  ])('from an answer that %s is nothing', async (_, completion) => {
    const { place, taught, plugin } = await setUp();
    place(a).end(50, completion);
    expect(await taught()).toEqual([]);
    expect(plugin.state?.()).toMatchObject({ requestsRunning: 0 });
  });
});

test('nothing is kept going once it is closed', async () => {
  const { plugin, place, clock, predictor } = await setUp();
  place(a).end(50);
  await plugin.close?.();
  expect(clock.pendingTimers).toBe(0);
  expect(predictor.samples).toHaveLength(1);
});
