// SPDX-License-Identifier: Apache-2.0
import type { KvRedisReader } from '@llm-d/kv-index/redis';
import type {
  RedisIndexOptions,
  RemoteKvIndex,
} from '../producers/precise-prefix-cache-producer/kv-event-sources.ts';

/** Time before a connection that failed is tried again. */
const RETRY_MS = 5000;
/** Whoever closes while a connection is being made waits no longer than this. */
const CONNECT_TIMEOUT_MS = 1000;

/** An index in Redis that is connected to in the background; lookups fail until it is there. */
export function openRemoteRedis(options: RedisIndexOptions): RemoteKvIndex {
  return new RemoteRedis(options);
}

class RemoteRedis implements RemoteKvIndex {
  readonly #options: RedisIndexOptions;
  #connecting: Promise<KvRedisReader> | undefined;
  #reader: KvRedisReader | undefined;
  #failedMs = -Infinity;
  #failure: unknown;
  #isClosed = false;

  constructor(options: RedisIndexOptions) {
    this.#options = options;
    this.#connect().catch(() => undefined);
  }

  async lookup(requestKeys: Uint32Array) {
    return (this.#reader ?? (await this.#connect())).lookup(requestKeys);
  }

  doubt(): string | undefined {
    switch (this.#reader?.state) {
      case 'behind':
        return 'whoever fills the index in Redis is silent, or begins anew';
      case undefined:
      case 'unavailable':
        return 'the index in Redis cannot be reached';
      case 'unknown':
      case 'current':
        return undefined;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connecting?.catch(() => undefined);
    await this.#reader?.[Symbol.asyncDispose]();
  }

  /** Rejects with the last failure while it is too early to try again. */
  #connect(): Promise<KvRedisReader> {
    const { clock } = this.#options;
    if (this.#connecting !== undefined) return this.#connecting;
    if (this.#isClosed || clock.nowMs() < this.#failedMs + RETRY_MS) {
      return Promise.reject(
        new Error('the index in Redis cannot be reached', { cause: this.#failure }),
      );
    }
    this.#connecting = this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<KvRedisReader> {
    const { address, keys, clock, telemetry, tierWeights } = this.#options;
    try {
      const { createKvRedisReader } = await import('@llm-d/kv-index/redis');
      const connectTimeoutMs = CONNECT_TIMEOUT_MS;
      const given = { redis: address, keys, clock, telemetry, tierWeights, connectTimeoutMs };
      return (this.#reader = await createKvRedisReader(given));
    } catch (error) {
      this.#failedMs = clock.nowMs();
      this.#failure = error;
      telemetry.logger.warn('the KV index in Redis cannot be reached', { address, error });
      throw error;
    }
  }
}
