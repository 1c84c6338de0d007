// SPDX-License-Identifier: Apache-2.0
import type { EndpointPool } from './endpoint-pool.ts';
import type { DiscoveredPod } from './pod.ts';

/** A pool of pods with the label `app=vllm`. */
export const pool = (...targetPorts: readonly number[]): EndpointPool => ({
  namespace: 'prod',
  name: 'llama',
  matchLabels: { app: 'vllm' },
  targetPorts,
  appProtocol: 'http',
});

export interface PodTraits {
  readonly ip?: string | undefined;
  readonly ready?: string | undefined;
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deleting?: boolean;
}

/** A ready pod of {@link pool} at 10.0.0.1, where its traits do not say otherwise. */
export function pod(name: string, traits: PodTraits = {}): DiscoveredPod {
  const { ready = 'True', uid = name, labels = { app: 'vllm' }, annotations, deleting } = traits;
  const ip = 'ip' in traits ? traits.ip : '10.0.0.1';
  return {
    metadata: {
      name,
      namespace: 'prod',
      uid,
      labels,
      ...(annotations !== undefined && { annotations }),
      ...(deleting === true && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    status: {
      ...(ip !== undefined && { podIP: ip }),
      conditions: [
        { type: 'Initialized', status: 'True' },
        { type: 'Ready', status: ready },
      ],
    },
  };
}
