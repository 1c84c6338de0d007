import { VirtualClock } from '@llm-d/determinism';
import type { StageSaturation } from '@llm-d/scheduler-core';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { createFlowMetrics } from './flow-metrics.ts';
import {
  bandByteUtilization,
  bandRequestUtilization,
  enqueueDurationSeconds,
  flowControlMetrics,
  flowRequestsTotal,
  globalRequestUtilization,
  poolSaturation,
  queueBytes,
  queueDurationSeconds,
  queueSize,
  staleEndpoints,
} from './metric-definitions.ts';
import { band } from './pool.testing.ts';
import { PriorityBand } from './priority-band.ts';
import { queued } from './queued.testing.ts';

const pool = { inference_pool: 'pool' };
const flow = { fairness_id: 'a', priority: '0' };
const labels = { ...flow, ...pool, model_name: 'm', target_model_name: 'm' };

const setUp = (maxRequests = 0) => {
  const clock = new VirtualClock();
  const metrics = recordingMetrics();
  const saturation: { current: StageSaturation } = {
    current: { prefill: undefined, decode: 0.5, effective: 0.5 },
  };
  let stale = 0;
  const shown = createFlowMetrics({
    metrics,
    clock,
    poolName: 'pool',
    detectorName: 'detector',
    fleet: {
      saturation: () => saturation.current,
      hasEndpoints: () => true,
      staleEndpoints: () => stale,
    },
    maxRequests,
    maxBytes: 0,
  });
  const stages = () =>
    ['prefill', 'decode', 'effective'].map((stage) =>
      metrics.value(poolSaturation, { ...pool, stage }),
    );
  return {
    clock,
    metrics,
    shown,
    saturation,
    stages,
    setStale: (count: number) => {
      stale = count;
    },
  };
};

describe('the queue', () => {
  test('grows and shrinks with what waits, and every end is counted', () => {
    const { metrics, shown } = setUp();
    const request = queued();
    shown.flow.received(request, undefined, 2);
    shown.flow.queued(request);
    expect([metrics.value(queueSize, labels), metrics.value(queueBytes, labels)]).toEqual([1, 100]);
    shown.flow.decided(request, { outcome: 'Dispatched', waitedMs: 250, wasQueued: true });
    shown.flow.decided(queued(), { outcome: 'RejectedCapacity', waitedMs: 0, wasQueued: false });
    expect([metrics.value(queueSize, labels), metrics.value(queueBytes, labels)]).toEqual([0, 0]);
    const outcome = { outcome: 'Dispatched' };
    expect(metrics.observations(queueDurationSeconds, { ...labels, ...outcome })).toEqual([0.25]);
    expect(
      metrics.observations(enqueueDurationSeconds, { ...flow, outcome: 'NotYetFinalized' }),
    ).toEqual([0.002]);
    const counted = (outcome: string) =>
      metrics.value(flowRequestsTotal, { outcome, priority: '0', ...pool });
    expect([counted('Dispatched'), counted('RejectedCapacity')]).toEqual([1, 1]);
  });

  test('has a size of 0 before anything has come, for autoscalers that start from zero', async () => {
    const metrics = createPrometheusMetrics({ definitions: flowControlMetrics });
    const shown = createFlowMetrics({
      metrics,
      clock: new VirtualClock(),
      poolName: 'pool',
      detectorName: undefined,
      fleet: {
        saturation: () => ({ prefill: undefined, decode: undefined, effective: 1 }),
        hasEndpoints: () => false,
        staleEndpoints: () => undefined,
      },
      maxRequests: 0,
      maxBytes: 0,
    });
    shown.refresh();
    const text = await metrics.expose();
    expect(text).toMatch(/^llm_d_epp_flow_control_queue_size\{.*inference_pool="pool".*\} 0$/m);
    expect(text).toMatch(/^llm_d_epp_flow_control_pool_saturation\{.*stage="effective"\} 1$/m);
    expect(text).not.toMatch(/^llm_d_epp_flow_control_global_capacity_utilization_requests\{/m);
  });

  test('clients cannot make series without end', () => {
    const { metrics, shown } = setUp();
    for (let i = 0; i < 1200; i++) shown.flow.queued(queued({ fairnessId: `f${i}` }));
    expect(metrics.value(queueSize, { ...labels, fairness_id: 'f999' })).toBe(1);
    expect(metrics.value(queueSize, { ...labels, fairness_id: 'other' })).toBe(200);
  });

  test('series of a flow go five minutes after its last request, those of one that waits stay', () => {
    const { clock, metrics, shown } = setUp();
    const idle = queued();
    const waiting = queued({ fairnessId: 'b' });
    for (const request of [idle, waiting]) {
      shown.flow.received(request, undefined, 1);
      shown.flow.queued(request);
    }
    shown.flow.decided(idle, { outcome: 'Dispatched', waitedMs: 1, wasQueued: true });
    const seen = () => [
      metrics.observations(queueDurationSeconds, { ...labels, outcome: 'Dispatched' }).length,
      metrics.observations(enqueueDurationSeconds, { ...flow, outcome: 'NotYetFinalized' }).length,
      metrics.value(queueSize, { ...labels, fairness_id: 'b' }),
    ];
    clock.advance(299_999);
    shown.refresh();
    expect(seen()).toEqual([1, 1, 1]);
    clock.advance(1);
    shown.refresh();
    expect(seen()).toEqual([0, 0, 1]);
    shown.flow.queued(queued());
    expect(metrics.value(queueSize, labels)).toBe(1);
  });
});

describe('capacity', () => {
  test('is shown as a share of each bound; a bound that is none has none', () => {
    const { metrics, shown } = setUp(100);
    const settings = band({ maxRequests: 4, maxBytes: 0 });
    const filled = new PriorityBand(7, settings, 0);
    filled.push(queued({ priority: 7 }));
    shown.flow.filled(filled, { requests: 10, bytes: 5 });
    const own = { priority: '7', ...pool };
    expect(metrics.value(bandRequestUtilization, own)).toBe(0.25);
    expect(metrics.value(bandByteUtilization, own)).toBe(0);
    expect(metrics.value(globalRequestUtilization, pool)).toBe(0.1);
    shown.flow.bandRemoved(7);
    expect(metrics.value(bandRequestUtilization, own)).toBe(0);
  });
});

describe('saturation', () => {
  test('is shown by stage with every look for work and every refresh', () => {
    const { metrics, shown, saturation, stages, setStale } = setUp();
    setStale(3);
    shown.flow.evaluated({ prefill: 0.9, decode: 1.2, effective: 1.2 }, 1);
    expect(stages()).toEqual([0.9, 1.2, 1.2]);
    expect(metrics.value(staleEndpoints, { detector: 'detector' })).toBe(3);
    saturation.current = { prefill: undefined, decode: 0.1, effective: 0.1 };
    shown.refresh();
    expect(stages()).toEqual([0, 0.1, 0.1]);
  });
});
