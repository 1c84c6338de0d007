import { VirtualClock } from '@llm-d/determinism';
import { unknownMetrics } from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import {
  averageKvCacheUtilization,
  averageQueueSize,
  perEndpointQueueSize,
  readyEndpoints,
  stdDevKvCacheUtilization,
  stdDevQueueSize,
  stdDevRunningRequests,
} from '../metric-definitions/pool-series.ts';
import { createFleet } from './fleet.ts';
import { startPoolGauges } from './pool-gauges.ts';

const setUp = (queues: readonly number[]) => {
  const clock = new VirtualClock();
  const metrics = recordingMetrics();
  const fleet = createFleet();
  fleet.reconcile(queues.map((_, i) => ({ ...makeEndpoint(`pod-${i}`) })));
  for (const [i, { id }] of fleet.snapshot().entries()) {
    fleet.measure(id)?.complete({
      ...unknownMetrics,
      waitingRequests: queues[i] ?? 0,
      runningRequests: 3,
      kvCacheUsage: (queues[i] ?? 0) / 10,
      updatedAtMs: 0,
    });
  }
  startPoolGauges({ fleet, clock, metrics, poolName: 'pool' });
  const shown = (definition: Parameters<typeof metrics.value>[0]) =>
    metrics.value(definition, { name: 'pool' });
  return { fleet, metrics, shown };
};

test('mean and spread are the sample’s', () => {
  const { shown } = setUp([2, 4, 4, 4, 5, 5, 7, 9]);
  expect(shown(readyEndpoints)).toBe(8);
  expect(shown(averageQueueSize)).toBe(5);
  expect(shown(stdDevQueueSize)).toBeCloseTo(Math.sqrt(32 / 7), 12);
  expect(shown(averageKvCacheUtilization)).toBeCloseTo(0.5, 12);
  expect(shown(stdDevKvCacheUtilization)).toBeCloseTo(Math.sqrt(32 / 7) / 10, 12);
  expect(shown(stdDevRunningRequests)).toBe(0);
});

test.each([[[]], [[7]]])('fewer than two endpoints do not spread: %j', (queues) => {
  const { shown } = setUp(queues);
  expect([shown(averageQueueSize), shown(stdDevQueueSize)]).toEqual([queues[0] ?? 0, 0]);
});

test('an endpoint that leaves takes its own gauge along', () => {
  const { fleet, metrics } = setUp([2, 4]);
  const [first] = fleet.snapshot();
  const labels = { name: 'pool', model_server_endpoint: first?.id ?? '' };
  expect(metrics.value(perEndpointQueueSize, labels)).toBe(2);
  fleet.reconcile([]);
  expect(metrics.value(perEndpointQueueSize, labels)).toBe(0);
});
