// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { KvRedisConnectError } from './kv-redis-error.ts';

/**
 * Which Redis: a URL (`redis://`, `rediss://`, `unix://`, or `host:port`), the URLs of some nodes of a Redis Cluster,
 * options of ioredis, or a client. A client stays its owner's: it is not closed, and its own time limits count.
 */
export type KvRedisTarget = string | readonly string[] | RedisOptions | Redis | Cluster;

/** A connection to one Redis or Redis Cluster that comes back by itself. */
export interface RedisLink extends AsyncDisposable {
  readonly client: Redis | Cluster;
}

export interface RedisLinkOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long to wait for the first connection. */
  readonly connectTimeoutMs: number;
  /** How long to wait for an answer. */
  readonly commandTimeoutMs: number;
}

/** Opens a connection. Rejects with {@link KvRedisConnectError}: at once when the credentials are refused. */
export async function openRedisLink(
  target: KvRedisTarget,
  options: RedisLinkOptions,
): Promise<RedisLink> {
  const owned = !isClient(target);
  const client = owned ? createClient(target, options) : target;
  const report = (error: unknown) => {
    options.logger.warn('the connection to Redis has a problem', { error });
  };
  client.on('error', report);
  try {
    await becomeReady(client, target, options);
  } catch (error) {
    if (owned) client.disconnect();
    throw error;
  }
  return {
    client,
    [Symbol.asyncDispose]: () => {
      client.off('error', report);
      if (owned) {
        client.on('error', () => undefined);
        client.disconnect();
      }
      return Promise.resolve();
    },
  };
}

const isClient = (target: KvRedisTarget): target is Redis | Cluster =>
  typeof target === 'object' && 'sendCommand' in target;

function createClient(
  target: Exclude<KvRedisTarget, Redis | Cluster>,
  { connectTimeoutMs, commandTimeoutMs }: RedisLinkOptions,
): Redis | Cluster {
  const own: OwnOptions = {
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    keepAlive: 10_000,
    // What was not answered is decided on here and not sent again behind our back, nor kept while nobody is there.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: backoffMs,
  };
  if (isNodes(target)) return createCluster(target, { connectTimeoutMs, own });
  // Another mapping of replies is not understood here.
  const { replyMapping: _, ...given } = typeof target === 'string' ? addressOf(target) : target;
  return new Redis({ ...own, ...given });
}

type OwnOptions = Omit<RedisOptions, 'replyMapping'>;

const backoffMs = (times: number): number => Math.min(50 * 2 ** Math.min(times, 6), 2000);
const isNodes = (target: KvRedisTarget): target is readonly string[] => Array.isArray(target);

function createCluster(
  urls: readonly string[],
  { connectTimeoutMs, own }: { readonly connectTimeoutMs: number; readonly own: OwnOptions },
): Cluster {
  const nodes = urls.map(addressOf);
  const { username, password, tls } = nodes[0] ?? {};
  const redisOptions = {
    ...own,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
  return new Cluster(
    nodes.map(({ host, port }) => ({ host: host ?? 'localhost', port: port ?? 6379 })),
    {
      lazyConnect: true,
      enableOfflineQueue: false,
      slotsRefreshTimeout: connectTimeoutMs,
      clusterRetryStrategy: backoffMs,
      redisOptions,
    },
  );
}

/** What a URL says, in ioredis's words. `valkey` is another name for `redis`, and the default. */
function addressOf(text: string): RedisOptions {
  if (text.startsWith('unix://')) return { path: text.slice('unix://'.length) };
  const full = /^\w+:\/\//.test(text) ? text : `redis://${text}`;
  if (!/^(?:redis|valkey)s?:\/\//.test(full) || !URL.canParse(full)) {
    throw new KvRedisConnectError('address', text);
  }
  const url = new URL(full);
  if (url.hostname === '') throw new KvRedisConnectError('address', text);
  const db = Number(url.pathname.slice(1));
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(Number.isInteger(db) && db > 0 ? { db } : {}),
    ...(url.protocol.startsWith('rediss') || url.protocol.startsWith('valkeys') ? { tls: {} } : {}),
  };
}

function becomeReady(
  client: Redis | Cluster,
  target: KvRedisTarget,
  { clock, connectTimeoutMs }: RedisLinkOptions,
): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    let last: unknown;
    const end = (error?: KvRedisConnectError) => {
      timer.cancel();
      client.off('ready', ready).off('error', failed);
      if (error === undefined) resolve();
      else reject(error);
    };
    const fail = (reason: 'credentials' | 'unreachable') => {
      end(new KvRedisConnectError(reason, nameOf(target), { cause: last }));
    };
    const ready = () => {
      end();
    };
    const failed = (error: unknown) => {
      last = error;
      if (isRefusal(error)) fail('credentials');
    };
    const timer = clock.schedule(connectTimeoutMs, () => {
      fail('unreachable');
    });
    client.on('ready', ready).on('error', failed);
    // The first attempt may fail and a later one succeed, so only the events decide.
    if (client.status === 'wait') client.connect().catch(failed);
  });
}

/** Redis says so in the first word; a cluster wraps what its nodes said. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (/^(?:WRONGPASS|NOAUTH|NOPERM|ERR AUTH)\b/.test(error.message)) return true;
  return 'lastNodeError' in error && isRefusal(error.lastNodeError);
}

/** The address without its secrets. */
function nameOf(target: KvRedisTarget): string {
  if (typeof target === 'string') return target.replace(/\/\/[^@/]*@/, '//');
  if (isNodes(target)) return target.map(nameOf).join(', ');
  if (isClient(target)) return 'the given client';
  const { path, host = 'localhost', port = 6379 } = target;
  return path ?? `${host}:${port}`;
}
