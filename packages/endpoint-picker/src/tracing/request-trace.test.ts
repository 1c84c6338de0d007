import { VirtualClock, createRandom } from '@llm-d/determinism';
import { instantiatePlugins, loadConfig, unknownMetrics } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingTracer } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { createFleet } from '../fleet/fleet.ts';
import { createEndpointPicker, type Picked } from '../picker/endpoint-picker.ts';

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: queue-scorer}
- {type: kv-cache-utilization-scorer, name: kv}
- {type: label-selector-filter, name: gold, parameters: {matchLabels: {tier: gold}}}
schedulingProfiles:
- name: default
  plugins: [{pluginRef: gold}, {pluginRef: queue-scorer, weight: 2}, {pluginRef: kv, weight: 1}]
`;
const SECRET = 'the prompt that nobody may see';

const setUp = ({ isSampled = true, endpoints = ['a', 'b'], tier = 'gold' } = {}) => {
  const clock = new VirtualClock({ epochMs: 1_000_000 });
  const tracer = recordingTracer({ isSampled });
  const telemetry = { ...noopTelemetry, tracer };
  const registry = createPickerRegistry();
  const resolved = loadConfig(config, { registry, allowExperimental: true });
  const plugins = instantiatePlugins(resolved, registry, {
    random: createRandom(1),
    clock,
    telemetry,
  });
  const fleet = createFleet();
  fleet.reconcile(endpoints.map((name) => ({ ...makeEndpoint(name), labels: { tier } })));
  for (const [i, { id }] of fleet.snapshot().entries()) {
    fleet.measure(id)?.complete({
      ...unknownMetrics,
      waitingRequests: i * 10,
      kvCacheUsage: 0.5,
      updatedAtMs: 0,
    });
  }
  const picker = createEndpointPicker({ fleet, plugins, clock, telemetry });
  const pick = (headers: readonly (readonly [string, string])[] = []) => {
    clock.advance(10);
    return picker.pick(
      makeRequest({
        id: 'r1',
        headers: new Map(headers),
        prompt: { kind: 'text', bytes: Buffer.from(SECRET) },
      }),
      { arrivedMs: clock.nowMs() - 4, signal: new AbortController().signal },
    );
  };
  const place = async (...args: Parameters<typeof pick>): Promise<Picked> => {
    const picked = await pick(...args);
    if (picked.kind === 'refused') throw new Error(picked.message);
    return picked;
  };
  const span = (name: string) => {
    const found = tracer.spans.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no span ${name}`);
    return found;
  };
  return { clock, tracer, pick, place, span };
};

describe('a traced request', () => {
  test('is a tree under llm-d’s names', async () => {
    const { tracer, place } = setUp();
    (await place()).exchange.end({ termination: 'natural' });
    expect(tracer.spans.map(({ name, parent }) => `${parent ?? ''} > ${name}`)).toEqual([
      ' > gateway.request',
      'gateway.request > gateway.request_orchestration',
      'gateway.request_orchestration > run_scheduler_profile',
      'run_scheduler_profile > filter_endpoints',
      'run_scheduler_profile > llm_d.epp.scoring',
      'llm_d.epp.scoring > llm_d.epp.scorer.queue-scorer',
      'llm_d.epp.scoring > llm_d.epp.scorer.kv-cache-utilization-scorer',
      'run_scheduler_profile > pick_endpoints',
    ]);
    expect(tracer.spans.map(({ ends }) => ends)).toEqual(tracer.spans.map(() => 1));
  });

  test('continues the caller’s trace from its arrival on, and the model server continues it', async () => {
    const { place, span } = setUp();
    const context = { traceparent: 'parent', tracestate: 'state', baggage: 'k=v' };
    const { upstreamHeaders } = await place([...Object.entries(context), ['other', 'x']]);
    expect(span('gateway.request')).toMatchObject({
      context,
      options: { startEpochMs: 1_000_006 },
    });
    expect(upstreamHeaders.get('traceparent')).toBe('continues gateway.request, 01');
  });

  test('tells what was asked, what the scorers said and what came of it', async () => {
    const { clock, place, span } = setUp();
    const { exchange } = await place();
    exchange.responseHeaders(200, new Map());
    clock.advance(16);
    exchange.responseBytes(1);
    const usage = { promptTokens: 7, completionTokens: 9, cachedTokens: 0 };
    exchange.end({ termination: 'natural', usage });
    expect(span('gateway.request').attributes).toEqual({
      'gen_ai.request.model': 'm',
      'gen_ai.request.id': 'r1',
      'llm_d.epp.attempt': 1,
      'llm_d.epp.termination': 'natural',
      'http.response.status_code': 200,
      'gen_ai.latency.time_to_first_token': 0.02,
      'gen_ai.usage.prompt_tokens': 7,
      'gen_ai.usage.completion_tokens': 9,
    });
    expect(span('gateway.request').error).toBeUndefined();
    expect(span('gateway.request_orchestration').attributes).toEqual({
      target_model: 'm',
      request_prio: 0,
    });
    expect(span('llm_d.epp.scoring').attributes).toMatchObject({
      'llm_d.epp.scorer.count': 2,
      'llm_d.epp.scoring.candidate_endpoints': 2,
      'gen_ai.request.model': 'm',
    });
    expect(span('llm_d.epp.scorer.queue-scorer').attributes).toEqual({
      'llm_d.epp.scorer.type': 'queue-scorer',
      'llm_d.epp.scorer.name': 'queue-scorer',
      'llm_d.epp.scorer.weight': 2,
      'llm_d.epp.scorer.candidate_endpoints': 2,
      'llm_d.epp.scorer.endpoints_scored': 2,
      'llm_d.epp.scorer.score.max': 1,
      'llm_d.epp.scorer.score.avg': 0.5,
    });
    expect(span('pick_endpoints').attributes).toEqual({
      'llm_d.epp.picker.candidate_endpoints': 2,
      'llm_d.epp.picker.top_endpoints': ['default/a-rank-0', 'default/b-rank-0'],
      'llm_d.epp.picker.top_scores': [2.5, 0.5],
    });
  });

  test('carries the decision as an event, and never the prompt', async () => {
    const { tracer, place, span } = setUp();
    (await place()).exchange.end({ termination: 'natural' });
    expect(span('gateway.request_orchestration').events).toEqual([
      {
        name: 'llm_d.epp.decision',
        attributes: expect.objectContaining({
          attempt: 1,
          waited_ms: 4,
          profile: 'default',
          candidates: 2,
          endpoint: 'default/a-rank-0',
          total: 2.5,
          'score.queue-scorer': 2,
          'score.kv': 0.5,
          runner_up: 'default/b-rank-0',
          margin: 2,
        }) as unknown,
      },
    ]);
    expect(JSON.stringify(tracer.spans)).not.toContain(SECRET);
  });

  test.each([
    ['natural', 503, 'the exchange ended as natural 503'],
    ['client-disconnect', 200, 'the exchange ended as client-disconnect 200'],
  ] as const)('that ends as %s with %d has failed', async (termination, status, error) => {
    const { place, span } = setUp();
    const { exchange } = await place();
    exchange.responseHeaders(status, new Map());
    exchange.end({ termination });
    expect(span('gateway.request').error).toBe(error);
  });

  test('that is refused says why and is over', async () => {
    const { pick, span, tracer } = setUp({ tier: 'silver' });
    expect(await pick()).toMatchObject({ kind: 'refused', status: 429 });
    expect(span('gateway.request')).toMatchObject({
      attributes: { 'http.response.status_code': 429 },
      error: 'gold left no endpoint for profile default',
      ends: 1,
    });
    expect(span('gateway.request_orchestration').events[0]?.attributes).toMatchObject({
      drained_by: 'gold',
      refused: 'gold left no endpoint for profile default',
    });
    expect(tracer.spans.map(({ name }) => name)).toEqual([
      'gateway.request',
      'gateway.request_orchestration',
      'run_scheduler_profile',
      'filter_endpoints',
    ]);
  });

  test('that finds nobody at all has no scheduling to show', async () => {
    const { pick, tracer } = setUp({ endpoints: [] });
    expect(await pick()).toMatchObject({ kind: 'refused', status: 503 });
    expect(tracer.spans.map(({ ends }) => ends)).toEqual([1, 1]);
  });
});

test('of an unsampled request model servers are told not to trace it, and nothing else happens', async () => {
  const { tracer, place } = setUp({ isSampled: false });
  const { upstreamHeaders, exchange } = await place();
  exchange.end({ termination: 'natural' });
  expect(upstreamHeaders.get('traceparent')).toBe('continues gateway.request, 00');
  expect(tracer.spans).toEqual([]);
});
