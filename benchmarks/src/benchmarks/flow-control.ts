// SPDX-License-Identifier: Apache-2.0
import { createRandom, systemClock } from '@llm-d/determinism';
import {
  createEndpointPicker,
  createFleet,
  createPickerRegistry,
  endpointPickerMetrics,
  type Picked,
} from '@llm-d/endpoint-picker';
import {
  endpointId,
  formatHostPort,
  instantiatePlugins,
  loadConfig,
  type SchedulingRequest,
} from '@llm-d/scheduler-core';
import { noopTelemetry } from '@llm-d/telemetry';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import type { Benchmark, Figure } from '../benchmark.ts';
import { cpuPerCall, repetitionsFor } from '../measuring/cpu-per-call.ts';

const ENDPOINTS = 8;

interface Load {
  /** Undefined = flow control is off. */
  readonly fairness: string | undefined;
  readonly waiting: number;
  readonly flows: number;
}

/** Each endpoint takes one request; the decision itself is as cheap as can be, to show what stands before it. */
const configOf = ({ fairness }: Load): string => `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
featureGates: ['flowControl=${String(fairness !== undefined)}']
plugins:
  - { type: concurrency-detector, parameters: { maxConcurrency: 1 } }
  - type: random-picker
  - type: ${fairness ?? 'round-robin-fairness-policy'}
schedulingProfiles: [{ name: default, plugins: [{ pluginRef: random-picker }] }]
flowControl:
  saturationDetector: { pluginRef: concurrency-detector }
  defaultRequestTTL: 1h
  defaultPriorityBand:
    maxRequests: 0
    fairnessPolicyRef: ${fairness ?? 'round-robin-fairness-policy'}
`;

/** A full pool with so many requests waiting; every call ends one in flight, so that one is let through, and adds one. */
function setUp(load: Load): { readonly call: () => Promise<void>; readonly close: () => void } {
  const random = createRandom(1);
  const metrics = createPrometheusMetrics({ definitions: endpointPickerMetrics });
  const telemetry = { ...noopTelemetry, metrics };
  const registry = createPickerRegistry();
  const config = loadConfig(configOf(load), { registry, source: 'benchmark' });
  const plugins = instantiatePlugins(config, registry, { random, telemetry });
  const fleet = createFleet();
  fleet.reconcile(
    Array.from({ length: ENDPOINTS }, (_, i) => ({
      id: endpointId('default', `pod-${i}`, 0),
      namespace: 'default',
      name: `pod-${i}`,
      rank: 0,
      address: `10.0.0.${i}`,
      port: 8000,
      hostPort: formatHostPort(`10.0.0.${i}`, 8000),
      labels: {},
    })),
  );
  const picker = createEndpointPicker({ fleet, plugins, clock: systemClock, telemetry });
  const placed: Picked[] = [];
  let number = 0;
  const ask = async (): Promise<void> => {
    const flow = number++ % load.flows;
    const picked = await picker.pick(requestOf(`flow-${flow}`), {
      arrivedMs: systemClock.nowMs(),
      signal: new AbortController().signal,
    });
    // What still waits at the end is refused.
    if (picked.kind === 'picked') placed.push(picked);
  };
  for (let i = 0; i < ENDPOINTS + load.waiting; i++) void ask();
  return {
    call: async () => {
      // The next one in flight appears a few microtasks after its predecessor's end.
      while (placed.length === 0) await Promise.resolve();
      placed.shift()?.exchange.end({ termination: 'natural' });
      void ask();
    },
    close: () => {
      picker.close();
    },
  };
}

const requestOf = (fairnessId: string): SchedulingRequest => ({
  id: 'request',
  model: 'bench-model',
  targetModel: 'bench-model',
  headers: new Map(),
  prompt: { kind: 'none' },
  cacheSalt: '',
  maxOutputTokens: 256,
  streaming: false,
  priority: 0,
  fairnessId,
  bodyBytes: 2048,
});

async function measure(load: Load, quick: boolean): Promise<Figure> {
  const { call, close } = setUp(load);
  const samples = await cpuPerCall(call, repetitionsFor(quick));
  close();
  const { fairness = 'off', waiting, flows } = load;
  return { name: `${fairness}, ${waiting} waiting in ${flows} flows`, unit: 'µs', samples };
}

const loads: readonly Load[] = [
  { fairness: undefined, waiting: 0, flows: 100 },
  { fairness: 'global-strict-fairness-policy', waiting: 0, flows: 100 },
  { fairness: 'global-strict-fairness-policy', waiting: 5000, flows: 100 },
  { fairness: 'round-robin-fairness-policy', waiting: 5000, flows: 100 },
  { fairness: 'round-robin-fairness-policy', waiting: 10_000, flows: 100 },
  { fairness: 'round-robin-fairness-policy', waiting: 5000, flows: 5000 },
  { fairness: 'program-aware-fairness', waiting: 5000, flows: 100 },
];

/** What waiting costs. */
export const flowControl: Benchmark = {
  name: 'flow-control',
  summary: 'the whole life of a request behind a full pool: queued, let through, placed, ended',
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const figures: Figure[] = [];
    for (const load of loads) figures.push(await measure(load, quick));
    return { figures, remarks: [] };
  },
};
