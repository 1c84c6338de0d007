// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { KubeConfigError } from '../errors.ts';
import type { KubeConnection } from './connection.ts';
import { rotatingCredentials } from './rotating-credentials.ts';

export interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST` of the pod. */
  readonly host: string;
  /** `KUBERNETES_SERVICE_PORT` of the pod. */
  readonly port: string;
  readonly clock: Clock;
  /** Where the service account is mounted. Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly folder?: string;
}

/**
 * The API server of the cluster that we run in, as the service account of our pod. Its token is followed when the
 * kubelet replaces it. Rejects with {@link KubeConfigError} where no service account is mounted.
 */
export async function inClusterConnection(options: InClusterOptions): Promise<KubeConnection> {
  const folder = options.folder ?? '/var/run/secrets/kubernetes.io/serviceaccount';
  const read = async (name: string): Promise<string> => {
    try {
      return await readFile(join(folder, name), 'utf8');
    } catch (cause) {
      throw new KubeConfigError(`the service account has no ${join(folder, name)}`, { cause });
    }
  };
  const credentials = rotatingCredentials(
    async () => ({ authorization: `Bearer ${(await read('token')).trim()}` }),
    options.clock,
  );
  await credentials.renew();
  const host = isIPv6(options.host) ? `[${options.host}]` : options.host;
  return {
    server: `https://${host}:${options.port}`,
    namespace: (await read('namespace')).trim(),
    tls: { ca: await read('ca.crt') },
    credentials,
  };
}
