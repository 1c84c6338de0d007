import { VirtualClock, createRandom } from '@llm-d/determinism';
import { instantiatePlugins, loadConfig } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { describe, expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { createFleet } from '../fleet/fleet.ts';
import { createEndpointPicker, type Picked } from './endpoint-picker.ts';
import { explainRecord } from './record-explanation.ts';

const disaggregated = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - type: prefill-filter
  - type: decode-filter
  - type: queue-scorer
  - type: prefix-based-pd-decider
    parameters: { nonCachedTokens: 16 }
  - type: disagg-profile-handler
    parameters: { deciders: { prefill: prefix-based-pd-decider } }
schedulingProfiles:
  - name: prefill
    plugins: [{ pluginRef: prefill-filter }, { pluginRef: queue-scorer }]
  - name: decode
    plugins: [{ pluginRef: decode-filter }, { pluginRef: queue-scorer }]
`;
const shedding = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins: [{ type: probabilistic-admitter }, { type: agent-identity }, { type: queue-scorer }]
`;
const prompt = (bytes: number) => ({ kind: 'text', bytes: Buffer.alloc(bytes, 'x') }) as const;

function setUp(config: string, roles: Readonly<Record<string, string>>) {
  const clock = new VirtualClock({ epochMs: 0 });
  const fleet = createFleet();
  fleet.reconcile(
    Object.entries(roles).map(([name, role]) => ({
      ...makeEndpoint(name).label('llm-d.ai/role', role),
    })),
  );
  const registry = createPickerRegistry();
  const resolved = loadConfig(config, { registry, source: 'test', allowExperimental: true });
  const plugins = instantiatePlugins(resolved, registry, { random: createRandom(1) });
  const picker = createEndpointPicker({ fleet, plugins, clock });
  const pick = (request: Parameters<typeof makeRequest>[0]) =>
    picker.pick(makeRequest(request), { arrivedMs: 0, signal: new AbortController().signal });
  const mustPick = async (request: Parameters<typeof makeRequest>[0]): Promise<Picked> => {
    const outcome = await pick(request);
    if (outcome.kind === 'refused') throw new Error(outcome.message);
    return outcome;
  };
  const reserved = () =>
    Object.fromEntries(fleet.snapshot().map((e) => [e.name, e.reservedRequests]));
  return { fleet, picker, pick, mustPick, reserved };
}

describe('disaggregated requests', () => {
  const roles = { d: 'decode', p: 'prefill', q: 'prefill' };

  test('tell the sidecar of the prefiller, and the explanation of the reason', async () => {
    const { mustPick, picker, fleet } = setUp(disaggregated, roles);
    const { endpoints, upstreamHeaders, removedHeaders } = await mustPick({
      id: 'r',
      prompt: prompt(400),
    });
    expect(endpoints.map(({ name }) => name)).toEqual(['d']);
    const prefiller = fleet
      .snapshot()
      .find(({ hostPort }) => hostPort === upstreamHeaders.get('x-prefiller-host-port'));
    expect(prefiller?.labels['llm-d.ai/role']).toBe('prefill');
    // There are no encoders: what a client says of them must not reach the sidecar.
    expect([...removedHeaders]).toEqual(['x-encoder-hosts-ports']);
    const [record] = picker.decisions.find('r');
    expect(record && explainRecord(record).decision?.stages).toEqual([
      {
        profile: 'prefill',
        runs: true,
        decider: 'prefix-based-pd-decider',
        reason: '100 uncached tokens ≥ 16',
      },
    ]);
  });

  test('reserve the prefiller as well, so that a burst spreads, and give everything back', async () => {
    const { mustPick, reserved } = setUp(disaggregated, roles);
    const placed = await Promise.all(
      Array.from({ length: 10 }, (_, i) => mustPick({ id: `r${i}`, prompt: prompt(400 + i) })),
    );
    expect(reserved()).toEqual({ d: 10, p: 5, q: 5 });
    for (const { exchange } of placed) exchange.end({ termination: 'natural' });
    expect(reserved()).toEqual({ d: 0, p: 0, q: 0 });
  });
});

test('a request for a profile that does not exist is told so', async () => {
  const { pick } = setUp(
    disaggregated.replace(/disagg-profile-handler\n.*/, 'header-profile-handler'),
    {
      d: 'decode',
    },
  );
  expect(await pick({ headers: new Map([['epp-profile', 'encode']]) })).toMatchObject({
    status: 429,
    message: 'there is no profile encode',
  });
});

describe('shedding', () => {
  test('refuses before anything is scheduled, with the reason in the record', async () => {
    const { fleet, pick, picker } = setUp(shedding, { a: 'both' });
    fleet.measure('default/a-rank-0')?.complete(makeEndpoint('a').queue(4).metrics);
    expect(await pick({ id: 'shed', priority: -1 })).toMatchObject({
      status: 429,
      reason: 'rejected-saturated',
      message:
        'probabilistic-admitter: the endpoints are too busy (saturation 0.800, probability of refusal 1.00)',
    });
    expect(picker.decisions.find('shed')).toMatchObject([
      { outcome: undefined, refusal: { status: 429 } },
    ]);
    expect((await pick({ priority: 0 })).kind).toBe('picked');
  });
});
