import { VirtualClock } from '@llm-d/determinism';
import { Attributes, endpointModels, instantiatePlugins, loadConfig } from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { createFleet } from '../fleet/fleet.ts';
import type { HttpMetricsTransportOptions } from '../scrape/http-metrics-transport.ts';
import { startDataSources } from './data-sources.ts';

const text = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
  - { type: queue-scorer }
  - { type: models-data-source, parameters: { interval: 2s } }
  - { type: models-data-extractor }
  - { type: dcgm-data-source, parameters: { port: 9500 } }
  - { type: dcgm-extractor }
  - { type: metrics-data-source, name: idle, parameters: { port: 7 } }
  - { type: topology-extractor }
dataLayer:
  sources:
    - { pluginRef: models-data-source, extractors: [{ pluginRef: models-data-extractor }] }
    - { pluginRef: dcgm-data-source, extractors: [{ pluginRef: dcgm-extractor }] }
    - { pluginRef: idle, extractors: [{ pluginRef: topology-extractor }] }
`;
const settle = () => new Promise((resolve) => setImmediate(resolve));
const answers: Readonly<Record<string, string>> = {
  '/v1/models': '{"object":"list","data":[{"id":"base"},{"id":"lora","parent":"base"}]}',
  '/metrics': 'DCGM_FI_DEV_GPU_UTIL{gpu="0"} 25\nDCGM_FI_DEV_GPU_UTIL{gpu="1"} 75\n',
};

test('the sources that are listed run, each on its own rhythm and for its own extractors', async () => {
  const registry = createPickerRegistry();
  const config = loadConfig(text, { registry, allowExperimental: true });
  const { plugins } = instantiatePlugins(config, registry);
  const clock = new VirtualClock();
  const fleet = createFleet();
  const polls = new Map<string, number>();
  const connected: HttpMetricsTransportOptions[] = [];
  const endpoint = makeEndpoint('a');
  fleet.reconcile([endpoint]);
  const sources = startDataSources({
    config,
    plugins,
    fleet,
    clock,
    random: { next: () => 0 },
    telemetry: noopTelemetry,
    connect: (options) => {
      connected.push(options);
      const { path = '' } = options;
      return {
        get: () => {
          polls.set(path, (polls.get(path) ?? 0) + 1);
          return Promise.resolve(Buffer.from(answers[path] ?? ''));
        },
        forget: () => undefined,
        close: () => Promise.resolve(),
      };
    },
  });
  expect(connected).toEqual([
    { scheme: 'http', path: '/v1/models', insecureSkipVerify: true },
    { scheme: 'http', path: '/metrics', insecureSkipVerify: true, port: 9500 },
  ]);
  for (let ms = 0; ms < 4000; ms += 500) {
    clock.advance(500);
    await settle();
  }
  expect(Object.fromEntries(polls)).toEqual({ '/v1/models': 3, '/metrics': 5 });
  expect(fleet.snapshot()[0]?.metrics.custom).toEqual({ GPUUtilization: 0.75 });
  const attributes = new Attributes();
  for (const { plugin } of plugins) plugin.producer?.publish?.(attributes);
  expect(attributes.get(endpointModels())?.of(fleet.snapshot()[0] ?? endpoint)).toEqual([
    { id: 'base' },
    { id: 'lora', parent: 'base' },
  ]);
  await sources.close();
  expect(clock.pendingTimers).toBe(0);
});
