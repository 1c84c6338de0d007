// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { KubeConfigError } from '../errors.ts';
import type { KubeConnection } from './connection.ts';
import { rotatingCredentials } from './rotating-credentials.ts';

export interface KubeconfigOptions {
  /** The file, or `text` instead. Relative paths in it are relative to it. */
  readonly path?: string;
  readonly text?: string;
  /** Default: the current context of the kubeconfig. */
  readonly context?: string;
  readonly clock: Clock;
}

/**
 * The cluster and user of a context of a kubeconfig. Tokens, basic authentication, token files, `exec` programs and OpenID
 * Connect are followed when they change; client certificates are read once. Rejects with {@link KubeConfigError}.
 */
export async function kubeconfigConnection(options: KubeconfigOptions): Promise<KubeConnection> {
  const config = await load(options);
  const cluster = config.getCurrentCluster();
  const source = options.path ?? 'the kubeconfig';
  if (cluster === null) {
    throw new KubeConfigError(`${source} has no cluster for context "${config.currentContext}"`);
  }
  if (cluster.proxyUrl !== undefined) {
    throw new KubeConfigError(`${source}: proxy-url is not supported`);
  }
  const settle = async (): Promise<Settled> => settleFor(config, source);
  const { tls } = await settle();
  const credentials = rotatingCredentials(async () => (await settle()).headers, options.clock);
  return {
    server: cluster.server.replace(/\/$/, ''),
    namespace: config.getContextObject(config.currentContext)?.namespace ?? 'default',
    tls,
    credentials,
  };
}

async function load({ path, text, context }: KubeconfigOptions): Promise<KubeConfig> {
  // The library takes most of a second and some 80 MB to load, which pods with a service account need not pay.
  const library = await import('@kubernetes/client-node');
  const config = new library.KubeConfig();
  try {
    if (text !== undefined) config.loadFromString(text);
    else config.loadFromFile(path ?? '');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KubeConfigError(`${path ?? 'the kubeconfig'} cannot be read: ${reason}`, { cause });
  }
  if (context !== undefined) config.setCurrentContext(context);
  // The library refuses clusters without TLS unless they say that nothing is verified, as it is.
  const clusters = config.clusters.map((cluster) =>
    cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster,
  );
  const { users, contexts, currentContext } = config;
  config.loadFromOptions({ clusters, users, contexts, currentContext });
  return config;
}

interface Settled {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: KubeConnection['tls'];
}

async function settleFor(config: KubeConfig, source: string): Promise<Settled> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KubeConfigError(`${source}: ${reason}`, { cause });
  }
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return {
    headers,
    tls: {
      ...(isPem(ca) && { ca }),
      ...(isPem(cert) && { cert }),
      ...(isPem(key) && { key }),
      ...(servername !== undefined && { servername }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    },
  };
}

/** The library reads every one of these as a buffer or a string. */
const isPem = (value: unknown): value is string | Buffer =>
  typeof value === 'string' || Buffer.isBuffer(value);
