import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { describeFleet } from './fleet-description.ts';
import { createFleet } from './fleet.ts';

test('a fleet tells who takes requests, who does not and why, and how old its knowledge is', () => {
  const fleet = createFleet();
  const [a, b] = ['a', 'b'].map((name) => ({ ...makeEndpoint(name) }));
  if (a === undefined || b === undefined) throw new Error('two endpoints were made');
  fleet.reconcile([a, b]);
  fleet.measure(a.id)?.complete({ ...a.metrics, waitingRequests: 4, updatedAtMs: 20 });
  fleet.eject(b.id, { untilMs: 100, reason: 'request reset' });
  expect(describeFleet(fleet, 50)).toMatchObject([
    { name: 'a', ejected: null, metricsAgeMs: 30, waitingRequests: 4 },
    { name: 'b', ejected: 'request reset', metricsAgeMs: null },
  ]);
  expect(describeFleet(fleet, 100)[1]?.ejected).toBeNull();
});
