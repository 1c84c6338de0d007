// SPDX-License-Identifier: Apache-2.0
import {
  connect,
  credsAuthenticator,
  type ConnectionOptions,
  type NatsConnection,
} from '@nats-io/transport-node';
import type { NatsOptions } from '../options.ts';

/** Beside the bus, which keeps its own connection to itself. It is mended whenever it is lost. */
export function connectNats(
  options: NatsOptions,
  { creds, timeoutMs }: { readonly creds: string | undefined; readonly timeoutMs: number },
): Promise<NatsConnection> {
  const servers = options.servers.map(
    (server) => new URL(server.includes('://') ? server : `nats://${server}`),
  );
  const isSecure = servers.some(({ protocol }) => protocol === 'tls:');
  return connect({
    servers: servers.map(({ hostname, port }) => `${hostname}:${port === '' ? 4222 : port}`),
    name: 'llm-d-kv-indexer-lease',
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(isSecure && { tls: {} }),
    ...authenticationOf(options, creds, servers),
  });
}

function authenticationOf(
  { token, user, password }: NatsOptions,
  creds: string | undefined,
  servers: readonly URL[],
): ConnectionOptions {
  if (creds !== undefined) return { authenticator: credsAuthenticator(Buffer.from(creds)) };
  if (token !== undefined) return { token };
  if (user !== undefined) return { user, pass: password ?? '' };
  const named = servers.find(({ username }) => username !== '');
  if (named === undefined) return {};
  return { user: decodeURIComponent(named.username), pass: decodeURIComponent(named.password) };
}
