// SPDX-License-Identifier: Apache-2.0
import type { EndpointIdentity } from '@llm-d/scheduler-core';
import type { Fleet } from '../../fleet/fleet.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { endpointsOfPod } from './pod-endpoints.ts';
import type { DiscoveredPod } from './pod.ts';

/** Makes a fleet what pods and a pool say it is. */
export interface PoolMembership {
  /**
   * Takes over the pods that there are now; none while there is no pool. Pods must be other objects once they have changed.
   * Costs little for pods that were there before: it may be called after every change.
   */
  apply(pods: Iterable<DiscoveredPod>, pool: EndpointPool | undefined): void;
}

/**
 * A membership that decides about the whole of `fleet`. A pod that takes the name of another is a new server, even at the
 * same address and although nobody saw the time between: nothing of the former's cache and load is kept.
 */
export function createPoolMembership(fleet: Fleet): PoolMembership {
  let known = new WeakMap<DiscoveredPod, readonly EndpointIdentity[]>();
  let knownPool: EndpointPool | undefined;
  let podIds: ReadonlyMap<string, string | undefined> = new Map();
  return {
    apply: (pods, pool) => {
      if (pool !== knownPool) known = new WeakMap();
      knownPool = pool;
      const identities: EndpointIdentity[] = [];
      const nextPodIds = new Map<string, string | undefined>();
      for (const pod of pool === undefined ? [] : pods) {
        let endpoints = known.get(pod);
        if (endpoints === undefined && pool !== undefined) {
          endpoints = endpointsOfPod(pod, pool);
          known.set(pod, endpoints);
        }
        for (const identity of endpoints ?? []) {
          identities.push(identity);
          nextPodIds.set(identity.id, pod.metadata.uid);
        }
      }
      const staying = identities.filter(
        ({ id }) => !podIds.has(id) || podIds.get(id) === nextPodIds.get(id),
      );
      podIds = nextPodIds;
      if (staying.length < identities.length) fleet.reconcile(staying);
      fleet.reconcile(identities);
    },
  };
}
