// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { type Logger, type Telemetry, noopTelemetry } from '@llm-d/telemetry';
import type { Redis } from 'ioredis';
import type { KvCopyChange, KvIndexRows, KvIndexSink } from '../../rows/index-rows.ts';
import { FlushWaiters } from '../flush-waiters.ts';
import { KvRedisUnavailableError } from '../kv-redis-error.ts';
import { type KvRedisTarget, type RedisLink, openRedisLink } from '../redis-link.ts';
import { all } from '../row-generation.ts';
import { Wakeup } from '../wakeup.ts';
import { type EntryChange, EntryChanges } from './entry-changes.ts';
import { standaloneOf } from './standalone.ts';

export interface UpstreamKvRedisWriterOptions {
  /** One Redis; a cluster is refused. */
  readonly redis: KvRedisTarget;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** How long changes are collected before they are written, in milliseconds. Default 5. */
  readonly flushDelayMs?: number;
  /**
   * Changes that may wait while Redis is away. Beyond, they are lost for good, and counted: these rows cannot be written
   * anew without knowing what others wrote. Default 1,000,000.
   */
  readonly maxPendingChanges?: number;
  /** How long the first connection may take. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** How long an answer may take. Default 5,000. */
  readonly commandTimeoutMs?: number;
}

export interface UpstreamKvRedisWriterStatus {
  /** Changes that Redis has not confirmed. */
  readonly pendingChanges: number;
  /** Changes that Redis has confirmed since the beginning. */
  readonly writtenChanges: number;
  /** Changes that were dropped because too many waited. */
  readonly lostChanges: number;
  /** Why the last attempt failed, if it did. */
  readonly error?: unknown;
}

/**
 * Writes an index into Redis as llm-d's own Redis backend does, for endpoint pickers of llm-d that share it: a hash for
 * each request key (its number in decimal) with the pods' entries as fields, and a sorted set `engine:<number>` from
 * engine key to request keys.
 *
 * What these rows cannot do, and the compact ones can:
 * - they are not namespaced, and engine keys mean the same for all pods and models;
 * - they have no end: what a writer that died has written stays, and so do rows of a Redis that came back with older data;
 * - an engine key stays for good when another pod has its blocks at the moment when it would go;
 * - a cleared pod's rows go one by one, as the index sweeps them;
 * - they know neither ranks, adapters nor models, only `ip:port`; states and sliding windows (llm-d does not index them),
 *   nor storage for everyone, which are left out;
 * - a tier has our name: engines' words other than `GPU` and `CPU`, such as `CPU_PINNED`, llm-d would write as they are.
 */
export interface UpstreamKvRedisWriter extends AsyncDisposable {
  /** For `onChange` of the index. Counts from `follow` on. */
  readonly sink: KvIndexSink;
  /** Begins to write what changes. The index should be empty: what it has already is not written. */
  follow(rows: KvIndexRows): void;
  /** Resolves when everything that changed before is in Redis. Rejects like the mirror's. */
  flush(signal?: AbortSignal): Promise<void>;
  status(): UpstreamKvRedisWriterStatus;
}

/** Connects to Redis. Rejects with `KvRedisConnectError`, and with `KvRedisLayoutError` for a cluster. */
export async function createUpstreamKvRedisWriter(
  options: UpstreamKvRedisWriterOptions,
): Promise<UpstreamKvRedisWriter> {
  const { clock, connectTimeoutMs = 5000, commandTimeoutMs = 5000 } = options;
  const { logger } = options.telemetry ?? noopTelemetry;
  const link = await openRedisLink(options.redis, {
    ...{ clock, logger, connectTimeoutMs, commandTimeoutMs },
  });
  try {
    return new Writer(link, await standaloneOf(link), { ...options, logger });
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

/** Changes in one script: a few hundred microseconds of Redis's time. */
const BATCH = 256;
const MAX_BATCHES = 8;
/** Written changes that are kept until they are taken out together. */
const COMPACT_AFTER = 65_536;
const RETRY_MS = 200;
/**
 * All at once, so that no other sees half of it. Fields of the changes are KEYS in pairs, engine key and request key,
 * with three ARGV each.
 */
const APPLY = `
for i = 1, #KEYS / 2 do
  local engine, row = KEYS[2 * i - 1], KEYS[2 * i]
  local position, field = ARGV[3 * i - 1], ARGV[3 * i]
  if ARGV[3 * i - 2] == '+' then
    redis.call('ZADD', engine, 'NX', position, row)
    redis.call('HSET', row, field, '')
  else
    redis.call('HDEL', row, field)
    local held = false
    for _, other in ipairs(redis.call('ZRANGE', engine, 0, -1)) do
      if redis.call('HLEN', other) > 0 then held = true break end
    end
    if not held then redis.call('DEL', engine) end
  end
end
return 1`;

class Writer implements UpstreamKvRedisWriter {
  readonly #link: RedisLink;
  readonly #client: Redis;
  readonly #logger: Logger;
  readonly #flushDelayMs: number;
  readonly #most: number;
  readonly #wakeup: Wakeup;
  readonly #retry: Wakeup;
  readonly #waiters = new FlushWaiters();
  readonly sink: KvIndexSink;
  #changes: EntryChanges | undefined;
  /** Changes from `#from` on wait; those before are written. */
  readonly #changed: EntryChange[] = [];
  #from = 0;
  #noted = 0;
  #written = 0;
  #lost = 0;
  #error: unknown;
  #isClosed = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    link: RedisLink,
    client: Redis,
    options: UpstreamKvRedisWriterOptions & { readonly logger: Logger },
  ) {
    this.#link = link;
    this.#client = client;
    this.#logger = options.logger;
    this.#flushDelayMs = options.flushDelayMs ?? 5;
    this.#most = options.maxPendingChanges ?? 1_000_000;
    this.#wakeup = new Wakeup(options.clock);
    this.#retry = new Wakeup(options.clock);
    this.sink = {
      copyAdded: (change) => {
        this.#note(change, true);
      },
      copyRemoved: (change) => {
        this.#note(change, false);
      },
      directoryChanged: () => this.#changes?.forget(),
    };
  }

  follow(rows: KvIndexRows): void {
    if (this.#changes !== undefined) return;
    this.#changes = new EntryChanges(rows);
    this.#running = this.#run();
  }

  async flush(signal?: AbortSignal): Promise<void> {
    if (this.#isClosed || this.#changes === undefined) throw this.#unavailable();
    if (this.#error !== undefined) throw this.#unavailable(this.#error);
    const flushed = this.#waiters.wait({ changes: this.#noted, directory: 0 }, signal);
    this.#settle();
    this.#wakeup.now();
    await flushed;
  }

  status(): UpstreamKvRedisWriterStatus {
    return {
      pendingChanges: this.#size,
      writtenChanges: this.#written,
      lostChanges: this.#lost,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#wakeup.now();
    this.#retry.now();
    await this.#running;
    this.#waiters.endAll(this.#unavailable());
    await this.#link[Symbol.asyncDispose]();
  }

  #note(change: KvCopyChange, isAdded: boolean): void {
    const entry = this.#changes?.of(change, isAdded);
    if (entry === undefined) return;
    if (this.#size >= this.#most) {
      if (this.#lost++ === 0) this.#logger.error('changes of rows for llm-d are lost');
      return;
    }
    if (this.#size === 0) this.#wakeup.after(this.#flushDelayMs);
    this.#changed.push(entry);
    this.#noted++;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#write();
        this.#error = undefined;
        await this.#wakeup.wait();
      } catch (error) {
        if (this.#error === undefined) {
          this.#logger.warn('rows for llm-d fall behind', { error });
        }
        this.#error = error;
        this.#waiters.endAll(this.#unavailable(error));
        this.#retry.after(RETRY_MS);
        await this.#retry.wait();
      }
    }
  }

  /** Changes leave the queue when they are confirmed: those without an answer are made again, which changes nothing. */
  async #write(): Promise<void> {
    while (this.#size > 0 && !this.#isClosed) {
      const end = Math.min(this.#changed.length, this.#from + MAX_BATCHES * BATCH);
      const batches: Promise<void>[] = [];
      for (let at = this.#from; at < end; at += BATCH) {
        batches.push(this.#apply(this.#changed.slice(at, Math.min(end, at + BATCH))));
      }
      await all(batches);
      this.#written += end - this.#from;
      this.#from = end;
      if (this.#from >= COMPACT_AFTER || this.#size === 0) {
        this.#changed.splice(0, this.#from);
        this.#from = 0;
      }
      this.#settle();
    }
  }

  get #size(): number {
    return this.#changed.length - this.#from;
  }

  async #apply(batch: readonly EntryChange[]): Promise<void> {
    const keys = batch.flatMap(({ engineKey, requestKey }) => [engineKey, requestKey]);
    const values = batch.flatMap(({ isAdded, position, field }) => [
      ...[isAdded ? '+' : '-', position, field],
    ]);
    await this.#client.eval(APPLY, keys.length, ...keys, ...values);
  }

  #settle(): void {
    this.#waiters.reached({ changes: this.#written, directory: 0 });
  }

  #unavailable(cause?: unknown): KvRedisUnavailableError {
    return new KvRedisUnavailableError('unreachable', 'llm-d', { cause });
  }
}
