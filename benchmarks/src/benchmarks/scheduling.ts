// SPDX-License-Identifier: Apache-2.0
import { createRandom, systemClock } from '@llm-d/determinism';
import {
  createEndpointPicker,
  createFleet,
  createPickerRegistry,
  endpointPickerMetrics,
} from '@llm-d/endpoint-picker';
import {
  Attributes,
  endpointId,
  formatHostPort,
  instantiatePlugins,
  loadConfig,
  unknownMetrics,
  type EndpointIdentity,
  type SchedulingRequest,
} from '@llm-d/scheduler-core';
import { noopTelemetry } from '@llm-d/telemetry';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import type { Benchmark, Figure } from '../benchmark.ts';
import { proseOf } from '../load/chat-requests.ts';
import { cpuPerCall, repetitionsFor } from '../measuring/cpu-per-call.ts';

const PROMPT_BYTES = 8192;
const VARIANTS = 256;

const identity = (index: number): EndpointIdentity => {
  const address = `10.0.${index >> 8}.${index & 255}`;
  return {
    id: endpointId('default', `pod-${index}`, 0),
    namespace: 'default',
    name: `pod-${index}`,
    rank: 0,
    address,
    port: 8000,
    hostPort: formatHostPort(address, 8000),
    labels: {},
  };
};

/** A picker with the default configuration and Prometheus metrics, over endpoints that have told their state. */
function setUp(endpoints: number) {
  const random = createRandom(1);
  const metrics = createPrometheusMetrics({ definitions: endpointPickerMetrics });
  const telemetry = { ...noopTelemetry, metrics };
  const registry = createPickerRegistry();
  const config = loadConfig(undefined, { registry, source: 'default' });
  const plugins = instantiatePlugins(config, registry, { random, telemetry });
  const fleet = createFleet();
  fleet.reconcile(Array.from({ length: endpoints }, (_, index) => identity(index)));
  for (const { id } of fleet.snapshot()) {
    fleet.measure(id)?.complete({
      ...unknownMetrics,
      waitingRequests: Math.floor(random.next() * 8),
      runningRequests: Math.floor(random.next() * 64),
      kvCacheUsage: random.next(),
      kvBlockSizeTokens: 16,
      kvBlocks: 20_000,
      updatedAtMs: systemClock.nowMs(),
    });
  }
  const picker = createEndpointPicker({ fleet, plugins, clock: systemClock, telemetry });
  return { fleet, picker, plugins };
}

/** Requests whose prompts share their first half. */
const requests = (): SchedulingRequest[] =>
  Array.from({ length: VARIANTS }, (_, variant) => ({
    id: `request-${variant}`,
    model: 'bench-model',
    targetModel: 'bench-model',
    headers: new Map(),
    prompt: {
      kind: 'text',
      bytes: Buffer.from(
        proseOf(PROMPT_BYTES / 2, createRandom(1)) +
          proseOf(PROMPT_BYTES / 2, createRandom(variant + 2)),
      ),
    },
    cacheSalt: '',
    maxOutputTokens: 256,
    streaming: false,
    priority: 0,
    fairnessId: 'default-flow',
    bodyBytes: PROMPT_BYTES,
  }));

async function measure(endpoints: number, barUs: number, quick: boolean): Promise<Figure[]> {
  const { fleet, picker, plugins } = setUp(endpoints);
  const all = requests();
  const client = new AbortController();
  let turn = 0;
  const nextRequest = () => all[turn++ % VARIANTS] as SchedulingRequest;
  const decide = () => {
    const cycle = { request: nextRequest(), attributes: new Attributes(), nowMs: 0 };
    return plugins.scheduler.schedule(cycle, fleet.snapshot());
  };
  const pick = async () => {
    const picked = await picker.pick(nextRequest(), {
      arrivedMs: systemClock.nowMs(),
      signal: client.signal,
    });
    if (picked.kind !== 'picked') throw new Error(picked.message);
    picked.exchange.responseBytes(1);
    picked.exchange.end({ termination: 'natural' });
  };
  const repetitions = repetitionsFor(quick);
  const life = await cpuPerCall(pick, repetitions);
  const decision = await cpuPerCall(decide, repetitions);
  return [
    {
      name: `whole life, ${endpoints} endpoints`,
      unit: 'µs',
      samples: life,
      bar: { atMost: barUs },
    },
    { name: `scheduler alone, ${endpoints} endpoints`, unit: 'µs', samples: decision },
  ];
}

/** What a decision costs. */
export const scheduling: Benchmark = {
  name: 'scheduling',
  summary: 'one decision by the default configuration for an 8 KB prompt, with producers and books',
  runnerIs: 'subject',
  run: async ({ quick }) => ({
    figures: [...(await measure(100, 60, quick)), ...(await measure(1000, 500, quick))],
    remarks: [],
  }),
};
