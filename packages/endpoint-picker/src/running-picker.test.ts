import { createRandom, VirtualClock } from '@llm-d/determinism';
import { loadConfig } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import { createPickerRegistry } from './config/picker-registry.ts';
import { createFleet } from './fleet/fleet.ts';
import { poolSaturation } from './flow-control/metric-definitions.ts';
import { startEndpointPicker } from './running-picker.ts';

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
featureGates: [flowControl]
plugins: [{ type: queue-scorer }]
`;
const signal = new AbortController().signal;

test('a request waits for the first metrics of a server, and idle bands go with time', async () => {
  const clock = new VirtualClock();
  const fleet = createFleet();
  fleet.reconcile([{ ...makeEndpoint('a') }]);
  const metrics = recordingMetrics();
  const registry = createPickerRegistry();
  let waiting = 9;
  const running = await startEndpointPicker({
    config: loadConfig(config, { registry }),
    registry,
    fleet,
    clock,
    random: createRandom(1),
    telemetry: { ...noopTelemetry, metrics },
    poolName: 'pool',
    metricsTransport: {
      get: () => Promise.resolve(Buffer.from(`vllm:num_requests_waiting ${waiting}\n`)),
      forget: () => undefined,
      close: () => Promise.resolve(),
    },
  });
  const tick = async (): Promise<void> => {
    clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const picking = running.picker.pick(makeRequest({ priority: 4 }), { arrivedMs: 0, signal });
  for (let i = 0; i < 10; i++) await tick();
  const queue = () => running.picker.flowControl?.snapshot();
  expect(queue()).toMatchObject({ requests: 1, saturation: { effective: 1.8 } });
  waiting = 0;
  await tick();
  await tick();
  const picked = await picking;
  expect([picked.kind, queue()?.requests]).toEqual(['picked', 0]);
  if (picked.kind === 'picked') picked.exchange.end({ termination: 'natural' });

  const bands = () => queue()?.bands.map(({ priority }) => priority);
  expect(bands()).toEqual([4, 0]);
  // Far apart, so that not every scrape of these minutes is made.
  for (let i = 0; i < 10; i++) {
    clock.advance(61_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(bands()).toEqual([0]);
  const stage = { inference_pool: 'pool', stage: 'effective' };
  expect(metrics.value(poolSaturation, stage)).toBeLessThanOrEqual(1);
  await running.close();
  expect(clock.pendingTimers).toBe(0);
});
