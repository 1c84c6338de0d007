// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  createHttpTransport,
  createKubeClient,
  inClusterConnection,
  kubeconfigConnection,
  type KubeClient,
} from '@llm-d/kube-runtime';

/** Where the API server is. */
export type ClusterLocation =
  | { readonly kind: 'kubeconfig'; readonly path: string }
  /** The cluster that our pod runs in. */
  | { readonly kind: 'in-cluster'; readonly host: string; readonly port: string };

/** A client of the API server, and how to let go of its connections. */
export interface Cluster extends AsyncDisposable {
  readonly client: KubeClient;
}

/** A client; nothing is asked yet. Rejects with KubeConfigError where it is not known how to get in. */
export async function connectCluster(location: ClusterLocation, clock: Clock): Promise<Cluster> {
  const connection =
    location.kind === 'in-cluster'
      ? await inClusterConnection({ host: location.host, port: location.port, clock })
      : await kubeconfigConnection({ path: location.path, clock });
  const transport = createHttpTransport(connection, { userAgent: 'llm-d-routing-sidecar' });
  return {
    client: createKubeClient({ transport, clock }),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
