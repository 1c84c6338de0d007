// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { createKubeClient, type KubeClient } from '../client/client.ts';
import { createHttpTransport } from '../client/http-transport.ts';
import { inClusterConnection } from './in-cluster.ts';
import { kubeconfigConnection } from './kubeconfig.ts';

/** Where the API server is. */
export type ClusterLocation =
  | { readonly kind: 'kubeconfig'; readonly path: string }
  /** The cluster that our pod runs in. */
  | { readonly kind: 'in-cluster'; readonly host: string; readonly port: string };

/** A client of the API server, and how to let go of its connections. */
export interface Cluster extends AsyncDisposable {
  readonly client: KubeClient;
}

/**
 * A client for a cluster, which knows the program by `userAgent`; nothing is asked yet. Rejects with KubeConfigError
 * where it is not known how to get in.
 */
export async function connectCluster(
  location: ClusterLocation,
  { clock, userAgent }: { readonly clock: Clock; readonly userAgent: string },
): Promise<Cluster> {
  const connection = await (location.kind === 'in-cluster'
    ? inClusterConnection({ host: location.host, port: location.port, clock })
    : kubeconfigConnection({ path: location.path, clock }));
  const transport = createHttpTransport(connection, { userAgent });
  return {
    client: createKubeClient({ transport, clock }),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
