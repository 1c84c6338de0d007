// SPDX-License-Identifier: Apache-2.0
import { createRandom, VirtualClock } from '@llm-d/determinism';
import { loadConfig, type ResolvedConfig } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger, recordingMetrics } from '@llm-d/telemetry/testing';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { createFleet, type Fleet } from '../fleet/fleet.ts';
import type { Picked } from '../picker/endpoint-picker.ts';
import type { Refusal } from '../picker/refusal.ts';
import { startEndpointPicker, type RunningPickerOptions } from '../running-picker.ts';
import { memoryFiles } from './files.testing.ts';
import { probes } from './probe.testing.ts';

const HEAD = 'apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n';

/** A fleet that counts who listens to it. */
function countingFleet(): Fleet & { readonly listeners: number; readonly listenings: number } {
  const fleet = createFleet();
  let [listeners, listenings] = [0, 0];
  const counting = {
    listen: (...args: Parameters<Fleet['listen']>) => {
      const unlisten = fleet.listen(...args);
      listeners++;
      listenings++;
      return () => {
        unlisten();
        listeners--;
      };
    },
    get listeners() {
      return listeners;
    },
    get listenings() {
      return listenings;
    },
  };
  return Object.setPrototypeOf(counting, fleetView(fleet)) as ReturnType<typeof countingFleet>;
}

/** Methods that work whatever they are called on. */
const fleetView = (fleet: Fleet): Fleet => ({
  snapshot: () => fleet.snapshot(),
  get: (id) => fleet.get(id),
  reconcile: (identities) => {
    fleet.reconcile(identities);
  },
  place: (endpoint) => fleet.place(endpoint),
  measure: (id) => fleet.measure(id),
  keepScalars: (id, scalars) => {
    fleet.keepScalars(id, scalars);
  },
  eject: (id, ejection) => {
    fleet.eject(id, ejection);
  },
  restore: (id) => {
    fleet.restore(id);
  },
  ejectionOf: (id) => fleet.ejectionOf(id),
  healthy: (nowMs) => fleet.healthy(nowMs),
  routable: (nowMs) => fleet.routable(nowMs),
  listen: (listener) => fleet.listen(listener),
  watch: (callback) => fleet.watch(callback),
});

/** A running picker over the endpoints a and b whose engines answer every scrape, and all that tells about it. */
export async function startReloading(body: string, options: Partial<RunningPickerOptions> = {}) {
  const clock = new VirtualClock();
  const fleet = countingFleet();
  fleet.reconcile([{ ...makeEndpoint('a') }, { ...makeEndpoint('b') }]);
  const metrics = recordingMetrics();
  const logger = recordingLogger();
  const telemetry = { ...noopTelemetry, metrics, logger };
  const probing = probes();
  const registry = createPickerRegistry([probing.type]);
  const load = (text: string): ResolvedConfig =>
    loadConfig(text.startsWith('apiVersion') ? text : HEAD + text, {
      registry,
      source: 'epp.yaml',
      allowExperimental: true,
    });
  const files = memoryFiles({});
  const running = await startEndpointPicker({
    config: load(body),
    registry,
    fleet,
    clock,
    telemetry,
    random: createRandom(1),
    files,
    metricsTransport: {
      get: () => Promise.resolve(Buffer.from('vllm:num_requests_waiting 0\n')),
      forget: () => undefined,
      close: () => Promise.resolve(),
    },
    ...options,
  });
  let ids = 0;
  const pick = (request: Parameters<typeof makeRequest>[0] = {}): Promise<Picked | Refusal> =>
    running.picker.pick(makeRequest({ id: `r${ids++}`, ...request }), {
      arrivedMs: clock.nowMs(),
      signal: new AbortController().signal,
    });
  const picked = async (request: Parameters<typeof makeRequest>[0] = {}): Promise<Picked> => {
    const answer = await pick(request);
    if (answer.kind === 'picked') return answer;
    throw new Error(`refused: ${answer.message}`);
  };
  return {
    ...{ clock, fleet, metrics, logger, telemetry, registry, files, running, load, pick, picked },
    made: probing.made,
    reload: (text: string) => running.reload(load(text)),
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

/** Text with the members that every configuration needs. */
export const configText = (body: string): string => HEAD + body;
