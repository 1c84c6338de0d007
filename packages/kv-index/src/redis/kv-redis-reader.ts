// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { type Telemetry, noopTelemetry } from '@llm-d/telemetry';
import { type TierWeights, defaultTierWeights } from '../cache-tier.ts';
import type { KvMatches } from '../kv-block-index.ts';
import { NOBODY } from '../memory/owner-sets.ts';
import { parseDirectory } from './directory-text.ts';
import { type KvKeyScheme, fingerprintOf } from './key-scheme.ts';
import { KvRedisLayoutError, KvRedisUnavailableError } from './kv-redis-error.ts';
import { type KvRedisHead, KvRedisKeys, parseHead, shardOf } from './layout.ts';
import { RawCommand, plainCommand, sendTogether } from './raw-command.ts';
import { type KvRedisTarget, type RedisLink, openRedisLink } from './redis-link.ts';
import { RowBatch } from './row-batch.ts';
import { RowTables } from './row-tables.ts';

export interface KvRedisReaderOptions {
  readonly redis: KvRedisTarget;
  /** As the writer's. Default `kv`. */
  readonly namespace?: string;
  /** The scheme of the keys that it is asked for. */
  readonly keys: KvKeyScheme;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** Merged over the defaults (gpu 1, cpu 0.8, disk 0.5, shared 0.4, others 0.5). */
  readonly tierWeights?: TierWeights;
  /** How long an answer of Redis may take. Default 500. */
  readonly commandTimeoutMs?: number;
  /** How long the first connection may take. Default 5,000. */
  readonly connectTimeoutMs?: number;
}

/** How far the rows could be trusted at the last lookup. */
export type KvRedisReaderState =
  /** Nothing was looked up yet. */
  | 'unknown'
  /** A writer keeps them up to date. */
  | 'current'
  /** Rows may be missing or name blocks that are gone: their writer is silent, or writes everything anew. */
  | 'behind'
  /** There are none, or Redis does not answer. */
  | 'unavailable';

/** Looks prompts up in the rows that a `KvRedisMirror` keeps. */
export interface KvRedisReader extends AsyncDisposable {
  /**
   * What the writer's index would find. Rejects with {@link KvRedisUnavailableError}, and with
   * {@link KvRedisLayoutError} where the rows are of another key scheme.
   */
  lookup(requestKeys: Uint32Array): Promise<KvMatches>;
  readonly state: KvRedisReaderState;
}

/** Keys that are asked for at first: a prompt that nobody has costs no more. */
const FIRST_CHUNK = 128;
const CHUNK_GROWTH = 4;
/** Times a lookup begins anew because what it reads was replaced under it. */
const MAX_RESTARTS = 3;
const NOTHING: KvMatches = {
  holders: [],
  everywhere: { blocks: 0, weightedBlocks: 0, byTier: [] },
};

/** Connects to Redis. Rejects with `KvRedisConnectError`; what happens later is waited out. */
export async function createKvRedisReader(options: KvRedisReaderOptions): Promise<KvRedisReader> {
  const { clock, connectTimeoutMs = 5000, commandTimeoutMs = 500 } = options;
  const { logger } = options.telemetry ?? noopTelemetry;
  const keys = new KvRedisKeys(options.namespace ?? 'kv');
  const link = await openRedisLink(options.redis, {
    ...{ clock, logger, connectTimeoutMs, commandTimeoutMs },
  });
  return new Reader(link, keys, options);
}

/** What is read at present, and what its rows mean. */
interface Shown {
  readonly head: KvRedisHead;
  readonly tables: RowTables;
}

class Reader implements KvRedisReader {
  readonly #link: RedisLink;
  readonly #keys: KvRedisKeys;
  readonly #scheme: KvKeyScheme;
  readonly #fingerprint: string;
  readonly #tierWeights: TierWeights;
  #shown: Shown | undefined;
  #state: KvRedisReaderState = 'unknown';
  /**
   * What the head was when the connection came back: Redis may have been restarted with what it once saved, so this is
   * believed only when its writer has spoken since. `seen` is unknown until the first look.
   */
  #doubt: { seen: string | undefined } | undefined;

  constructor(link: RedisLink, keys: KvRedisKeys, options: KvRedisReaderOptions) {
    this.#link = link;
    this.#keys = keys;
    this.#scheme = options.keys;
    this.#fingerprint = fingerprintOf(options.keys);
    this.#tierWeights = { ...defaultTierWeights, ...options.tierWeights };
    link.client.on('ready', this.#onReconnect);
  }

  readonly #onReconnect = (): void => {
    this.#doubt = { seen: undefined };
  };

  get state(): KvRedisReaderState {
    return this.#state;
  }

  async lookup(requestKeys: Uint32Array): Promise<KvMatches> {
    if (requestKeys.length === 0) return NOTHING;
    try {
      for (let restarts = 0; ; restarts++) {
        const shown = this.#shown ?? (await this.#show());
        const matches = await this.#chain(requestKeys, shown, restarts >= MAX_RESTARTS);
        if (matches !== undefined) return matches;
      }
    } catch (error) {
      this.#state = 'unavailable';
      if (error instanceof KvRedisLayoutError || error instanceof KvRedisUnavailableError) {
        throw error;
      }
      const { namespace } = this.#keys;
      throw new KvRedisUnavailableError('unreachable', namespace, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.client.off('ready', this.#onReconnect);
    await this.#link[Symbol.asyncDispose]();
  }

  /** Follows a chain in chunks that grow. Undefined: what is shown was replaced meanwhile. */
  async #chain(
    keys: Uint32Array,
    shown: Shown,
    isLastTry: boolean,
  ): Promise<KvMatches | undefined> {
    const count = keys.length >>> 1;
    const rows: (Buffer | null)[] = [];
    for (let size = FIRST_CHUNK; rows.length < count; size *= CHUNK_GROWTH) {
      const from = rows.length;
      const head = await this.#fetch(keys, Math.min(count, from + size), { shown, rows });
      if (!isSame(head, shown.head) && !isLastTry) {
        this.#shown = undefined;
        return undefined;
      }
      if (!shown.tables.hasGaps && this.#isBroken(rows, from, shown)) break;
    }
    return this.#match(keys, rows, shown);
  }

  #isBroken(rows: readonly (Buffer | null)[], from: number, { tables }: Shown): boolean {
    for (let at = from; at < rows.length; at++) {
      if (tables.wordOf(rows[at] ?? null) === NOBODY) return true;
    }
    return false;
  }

  /** In one turn, because words hold only until the next match. */
  #match(keys: Uint32Array, rows: readonly (Buffer | null)[], { tables }: Shown): KvMatches {
    const words = Uint32Array.from(rows, (row) => tables.wordOf(row));
    return tables.match(keys.subarray(0, 2 * words.length), words);
  }

  /** Adds the rows of the chain up to `end`, and returns what the head says together with them. */
  async #fetch(
    keys: Uint32Array,
    end: number,
    { shown, rows }: { readonly shown: Shown; readonly rows: (Buffer | null)[] },
  ): Promise<KvRedisHead> {
    const { head } = shown;
    const batches = new Map<number, { batch: RowBatch; places: number[] }>();
    const expected = Math.ceil((1.5 * (end - rows.length)) / head.shards);
    for (let at = rows.length; at < end; at++) {
      const high = keys[2 * at + 1] as number;
      const shard = shardOf(high, head.shards);
      let asked = batches.get(shard);
      if (asked === undefined) {
        const hash = this.#keys.rows(head.generation, shard);
        asked = { batch: new RowBatch('HMGET', hash, expected), places: [] };
        batches.set(shard, asked);
      }
      asked.batch.field(keys[2 * at] as number, high);
      asked.places.push(at);
      rows.push(null);
    }
    const asked = [...batches.values()];
    const commands = asked.map(({ batch }) => new RawCommand(batch));
    const answers = sendTogether(this.#link.client, [this.#headCommand(), ...commands]);
    const [found, ...values] = await Promise.all(answers);
    for (const [i, { places }] of asked.entries()) fill(rows, places, values[i]);
    return this.#headIn(found);
  }

  #headCommand() {
    return plainCommand('mget', this.#keys.head, this.#keys.lease);
  }

  /** What the head says, or the reason why there is nothing to read. */
  #headIn(answer: unknown): KvRedisHead {
    const [text, writer] = Array.isArray(answer) ? (answer as unknown[]) : [];
    const { namespace } = this.#keys;
    if (typeof text !== 'string') throw new KvRedisUnavailableError('empty', namespace);
    const head = parseHead(text);
    if (head === undefined) {
      throw new KvRedisLayoutError(`the rows of "${namespace}" are of another version`, namespace);
    }
    const isKept = typeof writer === 'string' && head.state === 'whole' && !this.#isDoubtful(text);
    this.#state = isKept ? 'current' : 'behind';
    return head;
  }

  #isDoubtful(text: string): boolean {
    if (this.#doubt === undefined) return false;
    this.#doubt.seen ??= text;
    if (this.#doubt.seen === text) return true;
    this.#doubt = undefined;
    return false;
  }

  async #show(): Promise<Shown> {
    const { namespace } = this.#keys;
    const [answer] = sendTogether(this.#link.client, [this.#headCommand()]);
    const head = this.#headIn(await answer);
    const text = await this.#link.client.get(this.#keys.directory(head.generation));
    if (text === null) throw new KvRedisUnavailableError('empty', namespace);
    const directory = parseDirectory(text, namespace);
    if (directory.keys !== this.#fingerprint) {
      throw new KvRedisLayoutError(
        `the rows of "${namespace}" have another block size, hash or seed (${directory.keys}, not ${this.#fingerprint})`,
        namespace,
      );
    }
    const { blockSizeTokens } = this.#scheme;
    const tables = new RowTables(directory, { blockSizeTokens, tierWeights: this.#tierWeights });
    // The directory may be newer than the head; it is never older.
    const shown = { head: { ...head, directoryVersion: directory.version }, tables };
    this.#shown = shown;
    return shown;
  }
}

/** Puts the rows of one hash where they belong in the chain. */
function fill(rows: (Buffer | null)[], places: readonly number[], found: unknown): void {
  if (!Array.isArray(found)) return;
  for (let i = 0; i < places.length; i++) {
    const row: unknown = found[i];
    if (Buffer.isBuffer(row)) rows[places[i] as number] = row;
  }
}

const isSame = (a: KvRedisHead, b: KvRedisHead): boolean =>
  a.generation === b.generation && a.directoryVersion === b.directoryVersion;
