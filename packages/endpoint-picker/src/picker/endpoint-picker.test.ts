import { VirtualClock, createRandom } from '@llm-d/determinism';
import {
  attribute,
  definePlugin,
  inflightLoad,
  instantiatePlugins,
  loadConfig,
  type AnyPluginDefinition,
} from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger, recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { createFleet } from '../fleet/fleet.ts';
import {
  requestErrorTotal,
  requestRunning,
  requestTotal,
} from '../metric-definitions/request-series.ts';
import { createEndpointPicker, type Picked } from './endpoint-picker.ts';

const labels = {
  model_name: 'm',
  target_model_name: 'm',
  fairness_id: 'default-flow',
  priority: '0',
};

const setUp = ({
  config,
  own = () => [],
  endpoints = ['a', 'b'],
}: {
  config?: string;
  own?: (clock: VirtualClock) => readonly AnyPluginDefinition[];
  endpoints?: string[];
} = {}) => {
  const clock = new VirtualClock({ epochMs: 1_000_000 });
  const fleet = createFleet();
  fleet.reconcile(endpoints.map((name) => ({ ...makeEndpoint(name) })));
  const metrics = recordingMetrics();
  const logger = recordingLogger();
  const telemetry = { ...noopTelemetry, metrics, logger };
  const registry = createPickerRegistry(own(clock));
  const resolved = loadConfig(config, { registry, source: 'test', allowExperimental: true });
  const plugins = instantiatePlugins(resolved, registry, { random: createRandom(1), telemetry });
  const picker = createEndpointPicker({ fleet, plugins, clock, telemetry });
  const client = new AbortController();
  const pick = (request: Parameters<typeof makeRequest>[0] = {}, options: object = {}) =>
    picker.pick(makeRequest(request), {
      arrivedMs: clock.nowMs(),
      signal: client.signal,
      ...options,
    });
  const mustPick = async (...args: Parameters<typeof pick>): Promise<Picked> => {
    const outcome = await pick(...args);
    if (outcome.kind === 'refused') throw new Error(outcome.message);
    return outcome;
  };
  return { clock, fleet, metrics, logger, picker, pick, mustPick, client };
};
const prompt = (text: string) => ({ kind: 'text', bytes: Buffer.from(text) }) as const;

/** A data producer that waits for the clock, as one that asks a service would. */
const slowProducer = (clock: VirtualClock, delayMs: number) =>
  definePlugin({
    type: 'slow-producer',
    summary: 'Takes its time.',
    stability: 'beta',
    points: ['data-producer'],
    parameters: z.strictObject({}),
    produces: (_, name) => [attribute('Slow', name)],
    create: () => ({
      producer: { produce: () => new Promise((resolve) => clock.schedule(delayMs, resolve)) },
    }),
  });
const withSlowProducer = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: slow-producer}, {type: queue-scorer}]
`;

describe('picking', () => {
  test('places a request and keeps the books until its end', async () => {
    const { mustPick, clock, fleet, metrics, picker } = setUp();
    const { endpoints, exchange } = await mustPick({ id: 'r1', prompt: prompt('hello') });
    const chosen = () => fleet.get(endpoints[0].id);
    expect(chosen()?.reservedRequests).toBe(1);
    expect(metrics.value(requestRunning, labels)).toBe(1);
    clock.advance(30);
    exchange.responseHeaders(200, new Map());
    exchange.responseBytes(10);
    clock.advance(70);
    const usage = { promptTokens: 2, completionTokens: 5, cachedTokens: 0 };
    exchange.end({ termination: 'natural', usage });
    exchange.end({ termination: 'error' });
    expect(chosen()?.reservedRequests).toBe(0);
    expect([metrics.value(requestRunning, labels), metrics.value(requestTotal, labels)]).toEqual([
      0, 1,
    ]);
    expect(picker.decisions.find('r1')).toMatchObject([
      {
        attempt: 1,
        atEpochMs: 1_000_000,
        promptTokens: 2,
        outcome: { kind: 'scheduled', primary: 'default' },
        answer: { termination: 'natural', status: 200, firstByteMs: 30, durationMs: 100, usage },
      },
    ]);
  });

  test('sends the same prompt to the same server and other prompts to idle ones', async () => {
    const { mustPick } = setUp({ endpoints: ['a', 'b', 'c', 'd'] });
    const long = (start: string) => prompt(start + 'x'.repeat(4000));
    const first = await mustPick({ prompt: long('one') });
    const again = await mustPick({ prompt: long('one') });
    const other = await mustPick({ prompt: long('two') });
    expect(again.endpoints[0].id).toBe(first.endpoints[0].id);
    expect(other.endpoints[0].id).not.toBe(first.endpoints[0].id);
  });

  test('a burst that arrives in one tick spreads evenly', async () => {
    const { mustPick } = setUp({ endpoints: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] });
    const picked = await Promise.all(
      Array.from({ length: 400 }, (_, i) =>
        mustPick({ id: `r${i}`, prompt: prompt(`${i} `.repeat(500)) }),
      ),
    );
    const counts = Object.values(Object.groupBy(picked, ({ endpoints }) => endpoints[0].id)).map(
      (group) => group?.length ?? 0,
    );
    expect(Math.max(...counts) / (400 / 8)).toBeLessThanOrEqual(1.15);
  });

  test('leaves out endpoints that failed this request', async () => {
    const { mustPick, fleet, picker } = setUp();
    const [a, b] = fleet.snapshot().map(({ id }) => id);
    const { endpoints } = await mustPick({ id: 'r1' }, { exclude: new Set([a]), attempt: 2 });
    expect(endpoints[0].id).toBe(b);
    expect(picker.decisions.find('r1')[0]?.attempt).toBe(2);
  });

  test('10,000 requests that are broken off leave nothing in flight', async () => {
    const { mustPick, fleet, metrics, picker } = setUp({
      config: `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: token-load-scorer}, {type: active-request-scorer}]
`,
    });
    for (let i = 0; i < 10_000; i++) {
      const { exchange } = await mustPick({ prompt: prompt('hello world') });
      if (i % 2 === 0) exchange.responseBytes(1);
      exchange.end({ termination: i % 3 === 0 ? 'client-disconnect' : 'error' });
    }
    expect(fleet.snapshot().map(({ reservedRequests }) => reservedRequests)).toEqual([0, 0]);
    expect(metrics.value(requestRunning, labels)).toBe(0);
    const load = inflightLoad();
    expect(load.name).toBe('InflightLoad');
    for (const name of ['a', 'b']) {
      const series = {
        endpoint_name: name,
        namespace: 'default',
        producer_name: 'inflight-load-producer',
        fairness_id: 'default-flow',
        priority: '0',
      };
      const { inflightRequests, inflightTokens } =
        await import('../metric-definitions/data-series.ts');
      expect([
        metrics.value(inflightRequests, series),
        metrics.value(inflightTokens, series),
      ]).toEqual([0, 0]);
    }
    expect(picker.decisions.recent(2000)).toHaveLength(1000);
  });
});

describe('refusals', () => {
  test('an empty fleet is said to be empty', async () => {
    const { pick, metrics, picker } = setUp({ endpoints: [] });
    expect(await pick({ id: 'r1' })).toMatchObject({
      kind: 'refused',
      status: 503,
      reason: 'rejected-no-endpoints',
      retryAfterSeconds: 1,
    });
    expect(metrics.value(requestErrorTotal, { ...labels, error_code: 'ServiceUnavailable' })).toBe(
      1,
    );
    expect(picker.decisions.find('r1')).toMatchObject([
      { outcome: undefined, refusal: { status: 503 } },
    ]);
  });

  test('filters that drop everybody are named', async () => {
    const { pick } = setUp({
      config: `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{type: label-selector-filter, name: gold, parameters: {matchLabels: {tier: gold}}}]
`,
    });
    expect(await pick()).toMatchObject({
      status: 429,
      reason: 'rejected-saturated',
      message: 'gold left no endpoint for profile default',
    });
  });

  test('a client that left while producers worked gets no place', async () => {
    const set = setUp({
      own: (clock) => [slowProducer(clock, 100)],
      config: withSlowProducer,
    });
    const picking = set.pick();
    set.client.abort();
    expect(await picking).toMatchObject({ reason: 'rejected-context-cancelled' });
    expect(set.fleet.snapshot().map((e) => e.reservedRequests)).toEqual([0, 0]);
  });
});

describe('data producers', () => {
  test('one that takes too long is left behind, and the request goes on', async () => {
    const set = setUp({
      own: (clock) => [slowProducer(clock, 1000)],
      config: withSlowProducer,
    });
    const picking = set.mustPick({ id: 'r1' });
    set.clock.advance(400);
    expect((await picking).kind).toBe('picked');
    expect(set.logger.lines).toMatchObject([
      { message: 'data producer failed', fields: { producer: 'slow-producer', requestId: 'r1' } },
    ]);
    expect(set.picker.decisions.find('r1')[0]?.waitedMs).toBe(400);
  });

  test('a server that left meanwhile is not chosen', async () => {
    const set = setUp({
      own: (clock) => [slowProducer(clock, 100)],
      config: withSlowProducer,
    });
    const picking = set.mustPick();
    set.fleet.reconcile([{ ...makeEndpoint('b') }]);
    set.clock.advance(100);
    expect((await picking).endpoints.map(({ name }) => name)).toEqual(['b']);
  });
});
