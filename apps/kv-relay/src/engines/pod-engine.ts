// SPDX-License-Identifier: Apache-2.0
import type { Pod } from '@llm-d/kube-runtime';
import { formatHostPort } from '@llm-d/scheduler-core';
import { portKeys, portsOf, ranksAt, type Engine, type EnginePorts } from './engine.ts';

export interface PodEngineOptions {
  readonly ports: EnginePorts;
  /** Where pods serve requests: part of what they are known by. */
  readonly servingPort: number;
  /** The container whose restarts begin a new life; undefined for any of them. */
  readonly engineContainer: string | undefined;
}

/**
 * The engine in a pod; undefined while there is none: the pod has no address yet, or has ended. Its life is the pod's UID
 * and how often the container was restarted.
 */
export function engineInPod(pod: Pod, options: PodEngineOptions): Engine | undefined {
  const { metadata, status } = pod;
  const address = status?.podIP;
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (address === undefined || address === '' || hasEnded) return undefined;
  const uid = metadata.uid ?? metadata.name;
  return {
    pod: formatHostPort(address, options.servingPort),
    name: metadata.name,
    identity: uid,
    epoch: `${uid}.${restartsOf(pod, options.engineContainer)}`,
    ranks: ranksAt(address, portsOf(metadata.annotations ?? {}, options.ports)),
  };
}

function restartsOf({ status }: Pod, container: string | undefined): number {
  const counted = (status?.containerStatuses ?? []).filter(
    ({ name }) => container === undefined || name === container,
  );
  return counted.reduce((sum, { restartCount }) => sum + restartCount, 0);
}

/** A pod without what nobody here asks for. */
export function reducedPod({ apiVersion, kind, metadata, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion } = metadata;
  const annotations = Object.values(portKeys).flatMap((key) => {
    const value = metadata.annotations?.[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      annotations: Object.fromEntries(annotations),
    },
    status: {
      ...(status?.podIP !== undefined && { podIP: status.podIP }),
      ...(status?.phase !== undefined && { phase: status.phase }),
      containerStatuses: (status?.containerStatuses ?? []).map((container) => ({
        name: container.name,
        restartCount: container.restartCount,
        ready: container.ready,
        image: '',
        imageID: '',
      })),
    },
  };
}
