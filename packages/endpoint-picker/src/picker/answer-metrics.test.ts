import { VirtualClock, createRandom } from '@llm-d/determinism';
import { instantiatePlugins, loadConfig } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { noopTelemetry, type HistogramDefinition } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { createFleet } from '../fleet/fleet.ts';
import {
  requestProcessingSeconds,
  responseProcessingSeconds,
} from '../metric-definitions/picker-series.ts';
import {
  requestNtpotSeconds,
  requestStreamingItlSeconds,
  requestStreamingTpotSeconds,
  type requestLabels,
} from '../metric-definitions/request-series.ts';
import { createEndpointPicker } from './endpoint-picker.ts';

const labels = {
  model_name: 'm',
  target_model_name: 'm',
  fairness_id: 'default-flow',
  priority: '0',
};

const answered = async (streaming: boolean, completionTokens: number | undefined) => {
  const clock = new VirtualClock();
  const metrics = recordingMetrics();
  const telemetry = { ...noopTelemetry, metrics };
  const registry = createPickerRegistry();
  const config = loadConfig(undefined, { registry });
  const plugins = instantiatePlugins(config, registry, {
    random: createRandom(1),
    clock,
    telemetry,
  });
  const fleet = createFleet();
  fleet.reconcile([{ ...makeEndpoint('a') }]);
  const picker = createEndpointPicker({ fleet, plugins, clock, telemetry });
  clock.advance(5);
  const picked = await picker.pick(makeRequest({ streaming }), {
    arrivedMs: 0,
    signal: new AbortController().signal,
  });
  if (picked.kind === 'refused') throw new Error(picked.message);
  const { exchange } = picked;
  clock.advance(5);
  exchange.responseHeaders(200, new Map());
  for (const pauseMs of [90, 20, 40]) {
    clock.advance(pauseMs);
    exchange.responseBytes(10);
    clock.advance(1);
    exchange.responseHandled();
  }
  clock.advance(37);
  exchange.end({
    termination: 'natural',
    usage:
      completionTokens === undefined
        ? undefined
        : { promptTokens: 3, completionTokens, cachedTokens: undefined },
  });
  const seen = (definition: HistogramDefinition<(typeof requestLabels)[number]>) =>
    metrics.observations(definition, labels).map((seconds) => Math.round(seconds * 1e6) / 1e3);
  return { metrics, seen };
};

test('a stream’s tokens are timed from its first byte on, and its chunks one by one', async () => {
  const { metrics, seen } = await answered(true, 5);
  // 200 ms in all, the first byte after 100 ms.
  expect(seen(requestNtpotSeconds)).toEqual([40]);
  expect(seen(requestStreamingTpotSeconds)).toEqual([25]);
  expect(seen(requestStreamingItlSeconds)).toEqual([21, 41]);
  expect(metrics.observations(responseProcessingSeconds, {})).toEqual([0.003]);
});

test('an answer in one piece has a time for each token, but none between them', async () => {
  const { metrics, seen } = await answered(false, 5);
  expect(seen(requestNtpotSeconds)).toEqual([40]);
  expect(seen(requestStreamingTpotSeconds)).toEqual([]);
  expect(seen(requestStreamingItlSeconds)).toEqual([]);
  expect(metrics.observations(responseProcessingSeconds, {})).toEqual([0.19]);
});

test.each([undefined, 0, 1])('%s output tokens give no time between tokens', async (tokens) => {
  const { seen } = await answered(true, tokens);
  expect(seen(requestStreamingTpotSeconds)).toEqual([]);
  expect(seen(requestNtpotSeconds)).toHaveLength(tokens === 1 ? 1 : 0);
});

test('what the request took here is measured from its arrival', async () => {
  const { metrics } = await answered(false, 1);
  expect(metrics.observations(requestProcessingSeconds, {})).toEqual([0.005]);
});
