// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import { type Logger, type Telemetry, noopTelemetry } from '@llm-d/telemetry';
import type { KvIndexRows, KvIndexSink } from '../rows/index-rows.ts';
import { directoryText } from './directory-text.ts';
import { FlushWaiters } from './flush-waiters.ts';
import { type KvKeyScheme, fingerprintOf } from './key-scheme.ts';
import { KvRedisUnavailableError } from './kv-redis-error.ts';
import { type KvRedisHead, KvRedisKeys } from './layout.ts';
import { PendingRows } from './pending-rows.ts';
import { type KvRedisTarget, type RedisLink, openRedisLink } from './redis-link.ts';
import { LostRowsError, RowGeneration } from './row-generation.ts';
import { Wakeup } from './wakeup.ts';
import { LeaseLostError, WriterLease } from './writer-lease.ts';

export interface KvRedisMirrorOptions {
  readonly redis: KvRedisTarget;
  /** What its keys in Redis begin with. Default `kv`. */
  readonly namespace?: string;
  /** The scheme of the index that is mirrored; readers with another are refused. */
  readonly keys: KvKeyScheme;
  readonly clock: Clock;
  /** Names the writer and its generations. */
  readonly random: Random;
  readonly telemetry?: Telemetry;
  /**
   * Hashes that rows are spread over, each with a cluster slot of its own. Default 4: every further one costs a lookup
   * some µs, and a hash of more than some million rows keeps Redis busy when it expires.
   */
  readonly shards?: number;
  /** How long another writer waits after this one fell silent, in milliseconds. Default 15,000. */
  readonly leaseMs?: number;
  /** How long rows stay after their last writer fell silent. Default 15 minutes. */
  readonly rowsTtlMs?: number;
  /** How long changes are collected before they are written. Default 5. */
  readonly flushDelayMs?: number;
  /** Changed rows that may wait while Redis is away; beyond, everything is written anew later. Default 2,000,000. */
  readonly maxPendingRows?: number;
  /** How long the first connection may take. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** How long an answer may take. Default 5,000. */
  readonly commandTimeoutMs?: number;
}

/** How well the rows in Redis follow the index. */
export type KvRedisMirrorState =
  /** `follow` was not called yet, or it is closed. */
  | 'idle'
  /** Another writer has the lease; this one takes over when that falls silent. */
  | 'standby'
  /** Rows are being written that readers do not see yet, or not all of them. */
  | 'filling'
  /** Everything is in Redis, except what `pendingRows` says. */
  | 'current'
  /** Redis does not do what it is asked; it is tried again. */
  | 'failing';

export interface KvRedisMirrorStatus {
  readonly state: KvRedisMirrorState;
  /** Changed rows that Redis has not confirmed. */
  readonly pendingRows: number;
  /** Rows that Redis has confirmed since the beginning. */
  readonly writtenRows: number;
  /** Times that everything was written: once to begin with, then after each loss. */
  readonly generations: number;
  /** Why it is `failing`. */
  readonly error?: unknown;
}

/**
 * Keeps the rows of an index in Redis, for readers in other processes. It never reads a row: the index knows them all, so
 * each write is a row as it is, may be repeated, and may be left out when a later one follows.
 */
export interface KvRedisMirror extends AsyncDisposable {
  /** For `onChange` of the index. */
  readonly sink: KvIndexSink;
  /** Begins to write. Rows are read from the index whenever they are written. */
  follow(rows: KvIndexRows): void;
  /**
   * Resolves when everything that changed before is in Redis, and at once in a writer that stands by. Rejects with
   * `AbortedError` when the signal fires, or with {@link KvRedisUnavailableError} when Redis fails or the mirror is closed meanwhile.
   */
  flush(signal?: AbortSignal): Promise<void>;
  status(): KvRedisMirrorStatus;
}

/** Rows in one command's worth of work, and how many of those may be unanswered. */
const SLICE_ROWS = 2048;
const MAX_SLICES = 4;
const RETRY_MS = 200;

/** Connects to Redis. Rejects with `KvRedisConnectError`; what happens later is waited out. */
export async function createKvRedisMirror(options: KvRedisMirrorOptions): Promise<KvRedisMirror> {
  const { clock, connectTimeoutMs = 5000, commandTimeoutMs = 5000 } = options;
  const { logger } = options.telemetry ?? noopTelemetry;
  const keys = new KvRedisKeys(options.namespace ?? 'kv');
  const link = await openRedisLink(options.redis, {
    ...{ clock, logger, connectTimeoutMs, commandTimeoutMs },
  });
  return new Mirror(link, keys, { ...options, logger });
}

class Mirror implements KvRedisMirror {
  readonly #link: RedisLink;
  readonly #keys: KvRedisKeys;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #lease: WriterLease;
  readonly #fingerprint: string;
  readonly #settings: Required<
    Pick<KvRedisMirrorOptions, 'shards' | 'leaseMs' | 'rowsTtlMs' | 'flushDelayMs'>
  >;
  readonly #pending: PendingRows;
  readonly #wakeup: Wakeup;
  readonly #retry: Wakeup;
  /** For each slice of changed rows on its way: how many changes were taken before it. */
  readonly #onTheWay = new Set<{ readonly takenBefore: number }>();
  readonly #waiters = new FlushWaiters();
  readonly sink: KvIndexSink;
  #rows: KvIndexRows | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;
  #state: KvRedisMirrorState = 'idle';
  #error: unknown;
  /** Rows are noted only for a generation that is being written. */
  #generation: RowGeneration | undefined;
  /** What is to go when the present generation is whole. */
  #replaced: KvRedisHead[] = [];
  /** Whether the generation is whole, and the one that readers read; and whether they do without its being whole. */
  #isPublic = false;
  #isShown = false;
  #directory = 1;
  #publishedDirectory = 0;
  #beat = 0;
  /** The connection is another since the rows were last known to be there. */
  #isReconnected = false;
  #confirmedChanges = 0;
  #writtenRows = 0;
  #generations = 0;

  constructor(
    link: RedisLink,
    keys: KvRedisKeys,
    options: KvRedisMirrorOptions & { readonly logger: Logger },
  ) {
    const { shards = 4, leaseMs = 15_000, rowsTtlMs = 900_000, flushDelayMs = 5 } = options;
    this.#settings = { shards, leaseMs, rowsTtlMs, flushDelayMs };
    this.#link = link;
    this.#keys = keys;
    this.#logger = options.logger.with({ namespace: keys.namespace });
    this.#clock = options.clock;
    this.#random = options.random;
    this.#fingerprint = fingerprintOf(options.keys);
    this.#pending = new PendingRows(options.maxPendingRows ?? 2_000_000);
    this.#wakeup = new Wakeup(options.clock);
    this.#retry = new Wakeup(options.clock);
    const { client } = link;
    this.#lease = new WriterLease({
      ...{ client, keys, leaseMs, rowsTtlMs },
      writer: this.#newName(),
    });
    client.on('ready', this.#onReady);
    const note = ({ low, high }: { readonly low: number; readonly high: number }) => {
      this.#note(low, high);
    };
    this.sink = {
      copyAdded: note,
      copyRemoved: note,
      directoryChanged: () => {
        this.#directory++;
        this.#wakeup.after(this.#settings.flushDelayMs);
      },
    };
  }

  readonly #onReady = (): void => {
    this.#isReconnected = true;
    this.#wakeup.now();
    this.#retry.now();
  };

  follow(rows: KvIndexRows): void {
    if (this.#rows !== undefined) return;
    this.#rows = rows;
    this.#running = this.#run(rows);
  }

  status(): KvRedisMirrorStatus {
    return {
      state: this.#state,
      pendingRows: this.#pending.noted - this.#confirmedChanges,
      writtenRows: this.#writtenRows,
      generations: this.#generations,
      ...(this.#state === 'failing' ? { error: this.#error } : {}),
    };
  }

  async flush(signal?: AbortSignal): Promise<void> {
    if (this.#isClosed || this.#rows === undefined) throw this.#unavailable();
    if (this.#state === 'failing') throw this.#unavailable(this.#error);
    if (this.#state === 'standby') return;
    const target = { changes: this.#pending.noted, directory: this.#directory };
    const flushed = this.#waiters.wait(target, signal);
    this.#settle();
    if (!this.#waiters.isEmpty) this.#wakeup.now();
    await flushed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wakeup.now();
    this.#retry.now();
    await this.#running;
    this.#waiters.endAll(this.#unavailable());
    this.#state = 'idle';
    this.#link.client.off('ready', this.#onReady);
    await this.#lease.release().catch(() => undefined);
    await this.#link[Symbol.asyncDispose]();
  }

  #note(low: number, high: number): void {
    if (this.#generation === undefined) return;
    if (this.#pending.isEmpty) this.#wakeup.after(this.#settings.flushDelayMs);
    if (this.#pending.note(low, high)) return;
    // What was noted so far would be too little: the next generation has it all.
    this.#logger.warn('too many rows wait for Redis; they will all be written anew');
    this.#abandon();
  }

  async #run(rows: KvIndexRows): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#serve(rows);
      } catch (error) {
        this.#failed(error);
      }
      const isStandby = this.#state === 'standby';
      this.#retry.after(isStandby ? this.#settings.leaseMs / 3 : RETRY_MS);
      await this.#retry.wait();
    }
  }

  /** Read through a getter, because it changes while others are awaited. */
  get #closed(): boolean {
    return this.#isClosed;
  }

  #failed(error: unknown): void {
    if (error instanceof LostRowsError || error instanceof LeaseLostError) this.#abandon();
    if (this.#state !== 'failing') this.#logger.warn('rows in Redis fall behind', { error });
    this.#state = 'failing';
    this.#error = error;
    this.#waiters.endAll(this.#unavailable(error));
  }

  /** Writes for as long as it has the lease. */
  async #serve(rows: KvIndexRows): Promise<void> {
    if (!(await this.#leads())) return;
    await this.#resume();
    for (;;) {
      const generation = this.#generation ?? (await this.#begin(rows));
      this.#state = this.#isPublic ? 'current' : 'filling';
      await this.#write(generation, rows, this.#clock.nowMs() + this.#settings.leaseMs / 3);
      if (this.#closed || !(await this.#leads())) return;
      if (this.#isReconnected) await this.#resume();
      else if (this.#generation === generation) {
        await generation.keepAlive();
        if (this.#isShown) await this.#lease.publish(this.#head(generation));
      }
    }
  }

  /** Goes on with the generation only if Redis still has what it confirmed. */
  async #resume(): Promise<void> {
    this.#isReconnected = false;
    if (this.#generation !== undefined && !(await this.#generation.resume())) this.#abandon();
    // What readers see may be from before.
    this.#publishedDirectory = 0;
  }

  async #leads(): Promise<boolean> {
    const other = await this.#lease.claim();
    if (other === undefined) return true;
    if (this.#state !== 'standby') this.#logger.info('another writer keeps the rows in Redis');
    this.#abandon();
    this.#state = 'standby';
    this.#waiters.endAll();
    return false;
  }

  /** A new generation beside what is there, which readers go on with until the new one is whole. */
  async #begin(rows: KvIndexRows): Promise<RowGeneration> {
    const before = await this.#lease.readHead();
    if (before !== undefined) {
      this.#replaced.push(before);
      await this.#lease.publish({ ...before, state: 'stale' });
    }
    const { shards, rowsTtlMs } = this.#settings;
    const name = this.#newName();
    const { client } = this.#link;
    const generation = new RowGeneration({ client, keys: this.#keys, name, shards, rowsTtlMs });
    await generation.create();
    this.#generation = generation;
    this.#pending.rewrite(rows);
    this.#publishedDirectory = 0;
    this.#isPublic = false;
    this.#isShown = before === undefined;
    this.#generations++;
    this.#logger.info('all rows are written to Redis', { rows: rows.count });
    return generation;
  }

  /** Nothing is noted any more, until a new generation begins. */
  #abandon(): void {
    if (this.#generation !== undefined) this.#replaced.push(this.#head(this.#generation));
    this.#generation = undefined;
    this.#isPublic = false;
    this.#pending.clear();
    this.#confirmedChanges = this.#pending.noted;
  }

  /** Writes what there is and what comes until a moment, then waits for the answers. */
  async #write(generation: RowGeneration, rows: KvIndexRows, untilMs: number): Promise<void> {
    const slices = new Set<Promise<void>>();
    try {
      while (this.#goesOnWith(generation) && this.#clock.nowMs() < untilMs) {
        if (this.#publishedDirectory !== this.#directory) await this.#publish(generation, rows);
        else if (!this.#pending.isEmpty) {
          if (slices.size >= MAX_SLICES) await Promise.race(slices);
          else this.#send(generation, rows, slices);
        } else if (slices.size > 0) await Promise.race(slices);
        else if (!this.#isPublic) await this.#finish(generation, rows);
        else await this.#rest(untilMs);
      }
    } finally {
      await Promise.allSettled(slices);
    }
    await Promise.all(slices);
  }

  #goesOnWith(generation: RowGeneration): boolean {
    return !this.#isClosed && !this.#isReconnected && this.#generation === generation;
  }

  #send(generation: RowGeneration, rows: KvIndexRows, slices: Set<Promise<void>>): void {
    const entry = { takenBefore: this.#pending.taken };
    const keys = this.#pending.take(SLICE_ROWS);
    if (this.#pending.taken > entry.takenBefore) this.#onTheWay.add(entry);
    const sent = generation.write(keys, rows).then(
      () => {
        slices.delete(sent);
        this.#onTheWay.delete(entry);
        this.#writtenRows += keys.length / 2;
        if (this.#generation === generation) this.#confirm();
      },
      (error: unknown) => {
        this.#onTheWay.delete(entry);
        if (this.#generation === generation) this.#pending.restore(keys);
        throw error;
      },
    );
    // Whoever waits for the slices sees it; until then nobody may.
    sent.catch(() => undefined);
    slices.add(sent);
  }

  /** Everything is confirmed that is neither waiting nor on its way. */
  #confirm(): void {
    let confirmed = this.#pending.taken;
    for (const { takenBefore } of this.#onTheWay) confirmed = Math.min(confirmed, takenBefore);
    this.#confirmedChanges = Math.max(this.#confirmedChanges, confirmed);
    this.#settle();
  }

  async #publish(generation: RowGeneration, rows: KvIndexRows): Promise<void> {
    const version = this.#directory;
    const text = directoryText(rows.directory(), { version, keys: this.#fingerprint });
    // One that is not whole is better than nothing, and worse than an old one that was.
    if (this.#isShown) await this.#lease.publish(this.#head(generation, version), text);
    this.#publishedDirectory = version;
    this.#settle();
  }

  async #finish(generation: RowGeneration, rows: KvIndexRows): Promise<void> {
    const version = this.#directory;
    const text = directoryText(rows.directory(), { version, keys: this.#fingerprint });
    await this.#lease.publish({ ...this.#head(generation, version), state: 'whole' }, text);
    this.#publishedDirectory = version;
    this.#isPublic = true;
    this.#isShown = true;
    this.#state = 'current';
    this.#settle();
    for (const head of this.#replaced.splice(0)) {
      if (head.generation !== generation.name) await this.#lease.drop(head);
    }
  }

  #head(generation: RowGeneration, directoryVersion = this.#publishedDirectory): KvRedisHead {
    const { name, shards } = generation;
    const state = this.#isPublic ? 'whole' : 'filling';
    return { generation: name, shards, directoryVersion, beat: ++this.#beat, state };
  }

  async #rest(untilMs: number): Promise<void> {
    this.#wakeup.after(untilMs - this.#clock.nowMs());
    await this.#wakeup.wait();
  }

  #settle(): void {
    if (!this.#isPublic || this.#generation === undefined) return;
    this.#waiters.reached({
      changes: this.#confirmedChanges,
      directory: this.#publishedDirectory,
    });
  }

  #unavailable(cause?: unknown): KvRedisUnavailableError {
    return new KvRedisUnavailableError('unreachable', this.#keys.namespace, { cause });
  }

  #newName(): string {
    const word = () => Math.floor(this.#random.next() * 2 ** 32);
    return [word(), word()].map((value) => value.toString(16).padStart(8, '0')).join('');
  }
}
