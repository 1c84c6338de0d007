import { unknownMetrics } from '@llm-d/scheduler-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFleet, type Fleet } from '../../fleet/fleet.ts';
import { pod, pool } from './discovered.testing.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { createPoolMembership } from './pool-membership.ts';
import type { DiscoveredPod } from './pod.ts';

const seen = (fleet: Fleet) =>
  fleet
    .snapshot()
    .map(({ id, hostPort, rank, labels }) => ({ id, hostPort, rank, labels }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));

const freshly = (pods: readonly DiscoveredPod[], current: EndpointPool | undefined) => {
  const fleet = createFleet();
  createPoolMembership(fleet).apply(pods, current);
  return seen(fleet);
};

const measure = (fleet: Fleet, id: string): void => {
  fleet.measure(id)?.complete({ ...unknownMetrics, waitingRequests: 7, updatedAtMs: 1 });
};
const waiting = (fleet: Fleet, id: string) => fleet.get(id)?.metrics.waitingRequests;

test('whatever happened before, the fleet is what a fresh list would make of it', () => {
  const traits = fc.record(
    {
      ip: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1', undefined),
      ready: fc.constantFrom('True', 'False'),
      uid: fc.constantFrom('first', 'second'),
      labels: fc.constantFrom({ app: 'vllm' }, { app: 'vllm', role: 'decode' }, { app: 'other' }),
      annotations: fc.constantFrom({}, { 'llm-d.ai/active-ports': '8001' }),
      deleting: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const name = fc.constantFrom('a', 'b', 'c');
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), name, traits }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('pool' as const),
        pool: fc.constantFrom(undefined, pool(8000), pool(8000, 8001), {
          ...pool(8001),
          matchLabels: { role: 'decode' },
        }),
      }),
    },
  );
  fc.assert(
    fc.property(fc.array(fc.record({ event, apply: fc.boolean() }), { maxLength: 30 }), (steps) => {
      const fleet = createFleet();
      const membership = createPoolMembership(fleet);
      const pods = new Map<string, DiscoveredPod>();
      let current: EndpointPool | undefined = pool(8000, 8001);
      for (const { event: happened, apply } of steps) {
        if (happened.kind === 'put') pods.set(happened.name, pod(happened.name, happened.traits));
        else if (happened.kind === 'remove') pods.delete(happened.name);
        else current = happened.pool;
        if (apply) membership.apply(pods.values(), current);
      }
      membership.apply(pods.values(), current);
      expect(seen(fleet)).toEqual(freshly([...pods.values()], current));
    }),
  );
});

test('a pod whose labels, annotations or other conditions change keeps its endpoints', () => {
  const fleet = createFleet();
  const membership = createPoolMembership(fleet);
  membership.apply([pod('a'), pod('b')], pool(8000, 8001));
  measure(fleet, 'prod/a-rank-1');
  const annotations = { note: 'x', 'llm-d.ai/active-ports': '8001,8000' };
  const labels = { app: 'vllm', team: 'x' };
  membership.apply([pod('a', { labels, annotations }), pod('b')], pool(8000, 8001));
  expect(waiting(fleet, 'prod/a-rank-1')).toBe(7);
  expect(fleet.get('prod/a-rank-1')?.labels).toEqual(labels);
});

test('endpoints that stay keep what is known of them when ports come and go', () => {
  const fleet = createFleet();
  const membership = createPoolMembership(fleet);
  membership.apply([pod('a')], pool(8000));
  measure(fleet, 'prod/a-rank-0');
  membership.apply([pod('a')], pool(8000, 8001));
  expect(seen(fleet)).toHaveLength(2);
  expect(waiting(fleet, 'prod/a-rank-0')).toBe(7);
});

test('a pod of the same name at the same address is another server, though its former was not seen to go', () => {
  const fleet = createFleet();
  const membership = createPoolMembership(fleet);
  membership.apply([pod('a', { uid: 'first' }), pod('b')], pool(8000));
  for (const { id } of fleet.snapshot()) measure(fleet, id);
  membership.apply([pod('a', { uid: 'second' }), pod('b')], pool(8000));
  expect(waiting(fleet, 'prod/a-rank-0')).toBe(0);
  expect(waiting(fleet, 'prod/b-rank-0')).toBe(7);
});

test('without a pool there is nothing, and with it again everything', () => {
  const fleet = createFleet();
  const membership = createPoolMembership(fleet);
  const pods = [pod('a'), pod('b')];
  membership.apply(pods, pool(8000));
  membership.apply(pods, undefined);
  expect(seen(fleet)).toEqual([]);
  membership.apply(pods, pool(8000));
  expect(seen(fleet)).toHaveLength(2);
});
