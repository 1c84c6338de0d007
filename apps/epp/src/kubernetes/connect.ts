// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  createHttpTransport,
  createKubeClient,
  inClusterConnection,
  kubeconfigConnection,
  type KubeClient,
} from '@llm-d/kube-runtime';
import type { ClusterLocation } from './kubernetes-options.ts';

/** A client of the API server, and how to let go of its connections. */
export interface Cluster extends AsyncDisposable {
  readonly client: KubeClient;
}

/** A client for a cluster; nothing is asked yet. Rejects with KubeConfigError where it is not known how to get in. */
export async function connectCluster(location: ClusterLocation, clock: Clock): Promise<Cluster> {
  const connection = await (location.kind === 'in-cluster'
    ? inClusterConnection({ host: location.host, port: location.port, clock })
    : kubeconfigConnection({ path: location.path, clock }));
  const transport = createHttpTransport(connection, { userAgent: 'llm-d-epp' });
  return {
    client: createKubeClient({ transport, clock }),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
