import { createRandom, VirtualClock } from '@llm-d/determinism';
import { instantiatePlugins, loadConfig } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { createFleet } from '../fleet/fleet.ts';
import { requestErrorTotal, requestRunning } from '../metric-definitions/request-series.ts';
import { createEndpointPicker, type PickOptions } from './endpoint-picker.ts';
import { saturated } from './refusal.ts';

function setUp() {
  const clock = new VirtualClock();
  const metrics = recordingMetrics();
  const telemetry = { ...noopTelemetry, metrics };
  const fleet = createFleet();
  fleet.reconcile(['a', 'b'].map((name) => makeEndpoint(name)));
  const registry = createPickerRegistry();
  const config = loadConfig(undefined, { registry, source: 'test' });
  const plugins = instantiatePlugins(config, registry, { random: createRandom(1), telemetry });
  const picker = createEndpointPicker({ fleet, plugins, clock, telemetry });
  const { signal } = new AbortController();
  const pick = (options: Partial<PickOptions>) =>
    picker.pick(makeRequest({ id: 'r1' }), { arrivedMs: 0, signal, ...options });
  return { fleet, metrics, picker, pick };
}
const labels = {
  model_name: 'm',
  target_model_name: 'm',
  fairness_id: 'default-flow',
  priority: '0',
};

test('only eligible endpoints are candidates', async () => {
  const { pick } = setUp();
  for (const name of ['a', 'b']) {
    const picked = await pick({ eligible: (endpoint) => endpoint.name === name });
    expect(picked.kind === 'picked' && picked.endpoints[0].name).toBe(name);
  }
});

test('without an eligible endpoint there is none', async () => {
  const { pick } = setUp();
  expect(await pick({ eligible: () => false })).toMatchObject({
    status: 503,
    reason: 'rejected-no-endpoints',
  });
});

test('an eligible endpoint that is ejected is better than none', async () => {
  const { fleet, pick } = setUp();
  const [a] = fleet.snapshot();
  fleet.eject(a?.id ?? '', { untilMs: 1000, reason: 'test' });
  const picked = await pick({ eligible: ({ id }) => id === a?.id });
  expect(picked.kind === 'picked' && picked.endpoints[0].id).toBe(a?.id);
});

test('a precondition that does not hold keeps a request from its place', async () => {
  const { fleet, metrics, picker, pick } = setUp();
  const refusal = { ...saturated('not here'), status: 412 as const };
  expect(await pick({ precondition: () => refusal })).toBe(refusal);
  expect(fleet.snapshot().map(({ reservedRequests }) => reservedRequests)).toEqual([0, 0]);
  expect(metrics.value(requestRunning, labels)).toBe(0);
  const error = { ...labels, error_code: 'PreconditionFailed' };
  expect(metrics.value(requestErrorTotal, error)).toBe(1);
  expect(picker.decisions.find('r1')).toMatchObject([{ refusal, outcome: { kind: 'scheduled' } }]);
});

test('a precondition that holds changes nothing', async () => {
  const { pick } = setUp();
  const asked: string[] = [];
  const picked = await pick({
    precondition: (_cycle, { primary }) => {
      asked.push(primary);
      return undefined;
    },
  });
  expect([picked.kind, asked]).toEqual(['picked', ['default']]);
});
