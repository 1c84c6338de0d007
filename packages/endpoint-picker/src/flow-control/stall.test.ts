import { loadConfig } from '@llm-d/scheduler-core';
import { expect, test } from 'vitest';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { stallOf } from './stall.ts';

const configOf = (detector: string, gate = '[flowControl]') =>
  loadConfig(
    `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
featureGates: ${gate}
plugins: [{ type: queue-scorer }, ${detector}]
schedulingProfiles: [{ name: default, plugins: [{ pluginRef: queue-scorer }] }]
saturationDetector: { pluginRef: detector }
`,
    { registry: createPickerRegistry() },
  );
const utilization = '{ name: detector, type: utilization-detector }';
const parameters = (text: string) => utilization.replace(' }', `, parameters: ${text} }`);

test.each([
  ['metrics come in time', configOf(utilization), 200, undefined],
  ['they come too late', configOf(utilization), 1000, /every 1000 ms and count for 200 ms/],
  [
    'they count for longer',
    configOf(parameters('{ metricsStalenessThreshold: 2s }')),
    1000,
    undefined,
  ],
  ['old ones do not count', configOf(parameters('{ stalenessPolicy: ignore }')), 1000, undefined],
  ['nobody scrapes', configOf(utilization), undefined, /nobody scrapes/],
  ['flow control is off', configOf(utilization, '[]'), undefined, undefined],
  [
    'metrics do not matter',
    configOf('{ name: detector, type: concurrency-detector }'),
    undefined,
    undefined,
  ],
])('%s', (_, config, scrapeIntervalMs, expected) => {
  const stall = stallOf(config, scrapeIntervalMs);
  if (expected === undefined) expect(stall).toBeUndefined();
  else expect(stall).toMatch(expected);
});
