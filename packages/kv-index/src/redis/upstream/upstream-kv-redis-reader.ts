// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { type Telemetry, noopTelemetry } from '@llm-d/telemetry';
import type { Redis } from 'ioredis';
import { type TierWeights, defaultTierWeights } from '../../cache-tier.ts';
import type { KvMatches } from '../../kv-block-index.ts';
import { NOBODY } from '../../memory/owner-sets.ts';
import { KvRedisUnavailableError } from '../kv-redis-error.ts';
import { plainCommand, sendTogether } from '../raw-command.ts';
import { type KvRedisTarget, type RedisLink, openRedisLink } from '../redis-link.ts';
import { decimalKey } from './pod-entry.ts';
import { standaloneOf } from './standalone.ts';
import { UpstreamTables } from './upstream-tables.ts';

export interface UpstreamKvRedisReaderOptions {
  /** One Redis; a cluster is refused. */
  readonly redis: KvRedisTarget;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** What matches say of the model: rows do not know it. Default ''. */
  readonly model?: string;
  /** Merged over the defaults; `speculative` counts 1, as in llm-d, unless it is among them. */
  readonly tierWeights?: TierWeights;
  /** How long an answer of Redis may take. Default 500. */
  readonly commandTimeoutMs?: number;
  /** How long the first connection may take. Default 5,000. */
  readonly connectTimeoutMs?: number;
}

/**
 * Looks prompts up in the rows that endpoint pickers of llm-d, or an `UpstreamKvRedisWriter`, keep in Redis. Nothing in
 * the rows tells whether anybody still keeps them up to date. Ranks are pods of their own there, so `dpRank` is 0.
 */
export interface UpstreamKvRedisReader extends AsyncDisposable {
  /** Rejects with {@link KvRedisUnavailableError}. */
  lookup(requestKeys: Uint32Array): Promise<KvMatches>;
}

const FIRST_CHUNK = 64;
const CHUNK_GROWTH = 4;

/** Connects to Redis. Rejects with `KvRedisConnectError`, and with `KvRedisLayoutError` for a cluster. */
export async function createUpstreamKvRedisReader(
  options: UpstreamKvRedisReaderOptions,
): Promise<UpstreamKvRedisReader> {
  const { clock, connectTimeoutMs = 5000, commandTimeoutMs = 500 } = options;
  const { logger } = options.telemetry ?? noopTelemetry;
  const link = await openRedisLink(options.redis, {
    ...{ clock, logger, connectTimeoutMs, commandTimeoutMs },
  });
  try {
    return new Reader(link, await standaloneOf(link), options);
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

class Reader implements UpstreamKvRedisReader {
  readonly #link: RedisLink;
  readonly #client: Redis;
  readonly #settings: { readonly tierWeights: TierWeights; readonly model: string };
  #tables: UpstreamTables;

  constructor(link: RedisLink, client: Redis, options: UpstreamKvRedisReaderOptions) {
    this.#link = link;
    this.#client = client;
    const tierWeights = { ...defaultTierWeights, speculative: 1, ...options.tierWeights };
    this.#settings = { tierWeights, model: options.model ?? '' };
    this.#tables = new UpstreamTables(this.#settings);
  }

  async lookup(requestKeys: Uint32Array): Promise<KvMatches> {
    const count = requestKeys.length >>> 1;
    const rows: (readonly string[])[] = [];
    let isBroken = false;
    for (let size = FIRST_CHUNK; rows.length < count && !isBroken; size *= CHUNK_GROWTH) {
      const found = await this.#fetch(
        requestKeys,
        rows.length,
        Math.min(count, rows.length + size),
      );
      isBroken = found.some((row) => row.length === 0);
      rows.push(...found);
    }
    if (this.#tables.isFull) this.#tables = new UpstreamTables(this.#settings);
    const words = rows.map((row) => this.#tables.wordOf(row));
    const end = words.indexOf(NOBODY);
    return this.#tables.match(requestKeys, end < 0 ? words : words.slice(0, end));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }

  async #fetch(keys: Uint32Array, from: number, to: number): Promise<string[][]> {
    const commands = Array.from({ length: to - from }, (_, i) => {
      const at = 2 * (from + i);
      return plainCommand('hkeys', decimalKey(keys[at] as number, keys[at + 1] as number));
    });
    const answers = await Promise.allSettled(sendTogether(this.#client, commands));
    return answers.map((answer) => {
      if (answer.status === 'fulfilled') return texts(answer.value);
      // The database is not ours alone: somebody else's number is no row.
      if (answer.reason instanceof Error && answer.reason.message.startsWith('WRONGTYPE'))
        return [];
      throw new KvRedisUnavailableError('unreachable', 'llm-d', { cause: answer.reason });
    });
  }
}

const texts = (answer: unknown): string[] =>
  Array.isArray(answer) ? answer.filter((field) => typeof field === 'string') : [];
