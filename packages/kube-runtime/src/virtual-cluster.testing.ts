// SPDX-License-Identifier: Apache-2.0
import { inferenceObjectives, type InferenceObjective, type ResourceType } from '@llm-d/crd-types';
import { createRandom, VirtualClock } from '@llm-d/determinism';
import { setImmediate } from 'node:timers/promises';
import { configMaps, leases, pods, type ConfigMap, type Pod } from './built-in-types.ts';
import { createKubeClient, type KubeClient } from './client/client.ts';
import { createFakeApiServer, type FakeApiServer, type FakeApiServerOptions } from './testing.ts';

/** A fake API server, a client of it, and the time of both. */
export interface VirtualCluster {
  readonly clock: VirtualClock;
  readonly server: FakeApiServer;
  readonly client: KubeClient;
  /** Lets everything happen that needs no time. */
  readonly settle: () => Promise<void>;
  /** Lets time pass, with everything that happens meanwhile. */
  readonly pass: (ms: number) => Promise<void>;
}

/** Steps in which time passes: what depends on an answer must get it before much more time is gone. */
const STEP_MS = 25;

export function virtualCluster(options: Partial<FakeApiServerOptions> = {}): VirtualCluster {
  const clock = new VirtualClock({ epochMs: Date.UTC(2026, 0, 1) });
  const types: readonly ResourceType[] = [configMaps, pods, leases, inferenceObjectives];
  const server = createFakeApiServer({ types, clock, ...options });
  const client = createKubeClient({ transport: server.transport, clock });
  // Everything between two timers is microtasks.
  const settle = (): Promise<void> => setImmediate();
  return {
    clock,
    server,
    client,
    settle,
    pass: async (ms) => {
      await settle();
      for (const endMs = clock.nowMs() + ms; clock.nowMs() < endMs;) {
        clock.advance(Math.min(STEP_MS, endMs - clock.nowMs()));
        await settle();
      }
    },
  };
}

/** Everything that is said until the end. */
export async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Dice for one test. */
export const dice = () => createRandom(1);

/** A config map of the namespace `default`. */
export const configMap = (
  name: string,
  data: Readonly<Record<string, string>> = {},
  metadata: object = {},
): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', ...metadata },
  data,
});

/** A pod of the namespace `default`. */
export const pod = (name: string, metadata: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', ...metadata },
  spec: { containers: [{ name: 'main', image: 'none' }] },
});

/** An objective of the namespace `default`. */
export const objective = (name: string, priority: number): InferenceObjective => ({
  apiVersion: 'llm-d.ai/v1alpha2',
  kind: 'InferenceObjective',
  metadata: { name, namespace: 'default' },
  spec: {
    priority,
    poolRef: { group: 'inference.networking.k8s.io', kind: 'InferencePool', name: 'pool' },
  },
});
