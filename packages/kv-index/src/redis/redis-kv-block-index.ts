// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random, Timer } from '@llm-d/determinism';
import type { KvApplyReport, KvBlockIndex, KvEventSource, KvMatches } from '../kv-block-index.ts';
import type { KvEventBatch } from '../kv-event-batch.ts';
import {
  type MemoryKvBlockIndex,
  type MemoryKvBlockIndexOptions,
  type MemoryKvIndexStats,
  createMemoryKvBlockIndex,
} from '../memory/memory-index.ts';
import {
  type KvRedisMirror,
  type KvRedisMirrorOptions,
  type KvRedisMirrorStatus,
  createKvRedisMirror,
} from './kv-redis-mirror.ts';
import {
  type KvRedisReader,
  type KvRedisReaderState,
  createKvRedisReader,
} from './kv-redis-reader.ts';

export interface RedisKvBlockIndexOptions
  extends Omit<KvRedisMirrorOptions, 'keys'>, Omit<MemoryKvBlockIndexOptions, 'onChange'> {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * A pod is removed when neither an event nor `touch` named it for so long, in milliseconds: for sources whose end
   * nobody reports. Default: never.
   */
  readonly ownerTtlMs?: number;
}

/** An index in this process whose rows are in Redis, where it looks them up itself. */
export interface RedisKvBlockIndex extends KvBlockIndex, AsyncDisposable {
  apply(batch: KvEventBatch, source: KvEventSource): KvApplyReport;
  clear(pod: string): void;
  remove(pod: string): void;
  /** Sees everything that this process applied before, and what the writer applied where another process has the lease. */
  lookup(requestKeys: Uint32Array): Promise<KvMatches>;
  stats(): MemoryKvIndexStats;
  /** These pods live, though they have nothing to say. */
  touch(pods: Iterable<string>): void;
  /** How the rows in Redis are. */
  mirrorStatus(): KvRedisMirrorStatus;
  readerState(): KvRedisReaderState;
}

/**
 * Index, mirror and reader in one: for a single process that wants its rows to be seen by others. Where the index is one
 * process and the lookups are in others, use `createKvRedisMirror` there and `createKvRedisReader` here. Rejects with
 * `KvRedisConnectError`.
 */
export async function createRedisKvBlockIndex(
  options: RedisKvBlockIndexOptions,
): Promise<RedisKvBlockIndex> {
  const { blockSizeTokens = 16, algorithm = 'cbor-fnv', hashSeed = '' } = options;
  const keys = { blockSizeTokens, algorithm, hashSeed };
  await using opened = new AsyncDisposableStack();
  const mirror = opened.use(await createKvRedisMirror({ ...options, keys }));
  const reader = opened.use(await createKvRedisReader({ ...options, keys }));
  const index = createMemoryKvBlockIndex({ ...options, onChange: mirror.sink });
  mirror.follow(index.rows);
  return new ComposedIndex({ index, mirror, reader }, options, opened.move());
}

class ComposedIndex implements RedisKvBlockIndex {
  readonly #index: MemoryKvBlockIndex;
  readonly #mirror: KvRedisMirror;
  readonly #reader: KvRedisReader;
  readonly #clock: Clock;
  readonly #ownerTtlMs: number | undefined;
  readonly #opened: AsyncDisposable;
  /** When each pod was last heard of, oldest first. */
  readonly #heardMs = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(
    parts: { index: MemoryKvBlockIndex; mirror: KvRedisMirror; reader: KvRedisReader },
    { clock, ownerTtlMs }: RedisKvBlockIndexOptions,
    opened: AsyncDisposable,
  ) {
    this.#index = parts.index;
    this.#mirror = parts.mirror;
    this.#reader = parts.reader;
    this.#clock = clock;
    this.#ownerTtlMs = ownerTtlMs;
    this.#opened = opened;
  }

  apply(batch: KvEventBatch, source: KvEventSource): KvApplyReport {
    this.#heard(source.pod);
    return this.#index.apply(batch, source);
  }

  clear(pod: string): void {
    this.#index.clear(pod);
  }

  remove(pod: string): void {
    this.#heardMs.delete(pod);
    this.#index.remove(pod);
  }

  async lookup(requestKeys: Uint32Array): Promise<KvMatches> {
    await this.#mirror.flush();
    return this.#reader.lookup(requestKeys);
  }

  stats(): MemoryKvIndexStats {
    return this.#index.stats();
  }

  touch(pods: Iterable<string>): void {
    for (const pod of pods) if (this.#heardMs.has(pod)) this.#heard(pod);
  }

  mirrorStatus(): KvRedisMirrorStatus {
    return this.#mirror.status();
  }

  readerState(): KvRedisReaderState {
    return this.#reader.state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#opened[Symbol.asyncDispose]();
  }

  #heard(pod: string): void {
    if (this.#ownerTtlMs === undefined) return;
    // Put last, so that the first is the oldest.
    this.#heardMs.delete(pod);
    this.#heardMs.set(pod, this.#clock.nowMs());
    this.#timer ??= this.#clock.schedule(this.#ownerTtlMs, () => {
      this.#removeSilent(this.#ownerTtlMs ?? Infinity);
    });
  }

  #removeSilent(ttlMs: number): void {
    this.#timer = undefined;
    const nowMs = this.#clock.nowMs();
    for (const [pod, heardMs] of this.#heardMs) {
      if (heardMs + ttlMs > nowMs) {
        this.#timer = this.#clock.schedule(heardMs + ttlMs - nowMs, () => {
          this.#removeSilent(ttlMs);
        });
        return;
      }
      this.remove(pod);
    }
  }
}
