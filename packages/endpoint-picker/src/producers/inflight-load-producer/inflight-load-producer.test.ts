import {
  inflightLoad,
  prefixMatches,
  tokenizedPrompt,
  type Endpoint,
  type ProfileOutcome,
  type SchedulingResult,
} from '@llm-d/scheduler-core';
import { makeCycle, makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopTelemetry, type Metrics } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { inflightRequests, inflightTokens } from '../../metric-definitions/data-series.ts';
import { instantiate, produce } from '../producing.testing.ts';
import { inflightLoadProducer } from './inflight-load-producer.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
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
const cycleOf = (promptTokens: number, matchedBlocks = 0, maxOutputTokens?: number) =>
  makeCycle({
    request: { maxOutputTokens },
    attributes: [
      [tokenizedPrompt(), { ids: new Uint32Array(promptTokens), estimated: true }],
      [
        prefixMatches(),
        { totalBlocks: 10, blockSizeTokens: 16, promptTokens, matchedBlocks: () => matchedBlocks },
      ],
    ],
  });

const setUp = async (parameters: object = {}) => {
  const metrics = recordingMetrics();
  const plugin = instantiate(inflightLoadProducer, {
    parameters,
    telemetry: { ...noopTelemetry, metrics },
  });
  const view = (await produce(plugin)).attributes.get(inflightLoad());
  const load = (endpoint: Endpoint) => [view?.requests(endpoint), view?.tokens(endpoint)];
  const start = (cycle: ReturnType<typeof cycleOf>, result: SchedulingResult) => {
    plugin.preRequest?.preRequest(cycle, result, new Map());
    return {
      firstByte: () => plugin.response?.responseStarted?.({ cycle, result }, 0),
      end: () =>
        plugin.response?.responseCompleted?.(
          { cycle, result },
          { termination: 'natural', status: 200, usage: undefined, atMs: 0 },
        ),
    };
  };
  return { plugin, load, start, metrics };
};

describe('load in flight', () => {
  test('counts at once, lets prompt tokens go at the first byte and the request at the end', async () => {
    const { load, start } = await setUp();
    const exchange = start(cycleOf(100), placedOn(a));
    expect(load(a)).toEqual([1, 100]);
    exchange.firstByte();
    expect(load(a)).toEqual([1, 0]);
    exchange.end();
    expect(load(a)).toEqual([0, 0]);
  });

  test('returns to zero when an exchange ends before its first byte, and ends only once', async () => {
    const { load, start } = await setUp();
    const exchange = start(cycleOf(100), placedOn(a));
    exchange.end();
    exchange.end();
    exchange.firstByte();
    expect(load(a)).toEqual([0, 0]);
  });

  test('cached blocks need no computing', async () => {
    const { load, start } = await setUp();
    start(cycleOf(100, 4), placedOn(a));
    expect(load(a)).toEqual([1, 36]);
  });

  test('a prefill server is loaded as well', async () => {
    const { load, start } = await setUp();
    start(cycleOf(10), placedOn(a, b)).end();
    start(cycleOf(10), placedOn(a, b));
    expect([load(a), load(b)]).toEqual([
      [1, 10],
      [1, 10],
    ]);
  });

  test.each([
    ['by the ratio', {}, undefined, 250],
    ['by the configured bound', { maxEstimatedOutputTokens: 20 }, undefined, 120],
    ['by the client’s limit', {}, 5, 105],
  ])('expected output is bounded %s', async (_, more, maxOutputTokens, tokens) => {
    const { load, start } = await setUp({ addEstimatedOutputTokens: true, ...more });
    const exchange = start(cycleOf(100, 0, maxOutputTokens), placedOn(a));
    expect(load(a)).toEqual([1, tokens]);
    exchange.firstByte();
    expect(load(a)).toEqual([1, tokens - 100]);
    exchange.end();
    expect(load(a)).toEqual([0, 0]);
  });

  test('what was placed on a removed server does not burden the next one in its slot', async () => {
    const { plugin, load, start, metrics } = await setUp();
    const exchange = start(cycleOf(100), placedOn(a));
    plugin.endpoints?.endpointRemoved?.(a);
    const successor = makeEndpoint('b', a.slot);
    start(cycleOf(7), placedOn(successor));
    exchange.end();
    expect(load(successor)).toEqual([1, 7]);
    const labels = {
      endpoint_name: 'b',
      namespace: 'default',
      producer_name: 'inflight-load-producer',
      fairness_id: 'default-flow',
      priority: '0',
    };
    expect(metrics.value(inflightRequests, labels)).toBe(1);
  });
});

describe('what is shown of it', () => {
  const shownFor = (endpoint_name: string, fairness_id: string, priority = '0') => ({
    endpoint_name,
    namespace: 'default',
    producer_name: 'inflight-load-producer',
    fairness_id,
    priority,
  });
  const of = (fairnessId: string, priority = 0) =>
    makeCycle({
      request: { fairnessId, priority },
      attributes: [[tokenizedPrompt(), { ids: new Uint32Array(10), estimated: true }]],
    });

  test('stands apart for every flow', async () => {
    const { start, metrics, load } = await setUp();
    start(of('gold', 1), placedOn(a));
    start(of('gold', 1), placedOn(a)).end();
    start(of('silver'), placedOn(a));
    expect(load(a)).toEqual([2, 20]);
    expect(metrics.value(inflightRequests, shownFor('a', 'gold', '1'))).toBe(1);
    expect(metrics.value(inflightTokens, shownFor('a', 'silver'))).toBe(10);
  });

  test('is bounded: of many idle flows most are forgotten', () => {
    const shown = new Set<string>();
    const recording = recordingMetrics();
    const metrics: Metrics = {
      ...recording,
      gauge: (definition, labels) => {
        if (definition === inflightRequests) shown.add(JSON.stringify(labels));
        return recording.gauge(definition, labels);
      },
      remove: (definition, labels) => {
        if (definition === inflightRequests) shown.delete(JSON.stringify(labels));
        recording.remove(definition, labels);
      },
    };
    const plugin = instantiate(inflightLoadProducer, { telemetry: { ...noopTelemetry, metrics } });
    for (let i = 0; i < 100; i++) {
      const cycle = of(`tenant-${i}`);
      plugin.preRequest?.preRequest(cycle, placedOn(a), new Map());
      plugin.response?.responseCompleted?.(
        { cycle, result: placedOn(a) },
        { termination: 'natural', status: 200, usage: undefined, atMs: 0 },
      );
    }
    expect(shown.size).toBe(16);
    plugin.endpoints?.endpointRemoved?.(a);
    expect(shown.size).toBe(0);
  });

  test('is gone with its server, whatever its last exchanges do', async () => {
    const { plugin, start, metrics } = await setUp();
    const exchange = start(of('gold'), placedOn(a));
    plugin.endpoints?.endpointRemoved?.(a);
    exchange.end();
    expect(metrics.value(inflightRequests, shownFor('a', 'gold'))).toBe(0);
  });
});
