// SPDX-License-Identifier: Apache-2.0
import { endpointId, formatHostPort, type EndpointIdentity } from '@llm-d/scheduler-core';
import { activePorts } from './active-ports.ts';
import { matchesLabels, type EndpointPool } from './endpoint-pool.ts';
import { isServing, type DiscoveredPod } from './pod.ts';

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

/**
 * The endpoints that a pod contributes to a pool: one for each target port that it declares to be active, its rank being the
 * port's place among all of them. None for a pod that is not of the pool, does not serve, or has no address yet.
 */
export function endpointsOfPod(
  pod: DiscoveredPod,
  pool: Pick<EndpointPool, 'matchLabels' | 'targetPorts'>,
): readonly EndpointIdentity[] {
  const { name, namespace = 'default', labels = NO_LABELS, annotations } = pod.metadata;
  const address = pod.status?.podIP;
  if (address === undefined || address === '' || !isServing(pod)) return [];
  if (!matchesLabels(pool.matchLabels, labels)) return [];
  const active = activePorts(annotations);
  return pool.targetPorts.flatMap((port, rank) =>
    active === undefined || active.has(port)
      ? [
          {
            id: endpointId(namespace, name, rank),
            namespace,
            name,
            rank,
            address,
            port,
            hostPort: formatHostPort(address, port),
            labels,
          },
        ]
      : [],
  );
}
