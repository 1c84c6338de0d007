// SPDX-License-Identifier: Apache-2.0
import type { Cluster, Command, Redis } from 'ioredis';
import { ByteWriter } from '../rows/byte-writer.ts';
import type { KvIndexRows } from '../rows/index-rows.ts';
import { COUNTER_FIELD, type KvRedisKeys, shardOf } from './layout.ts';
import { RawCommand, plainCommand, sendTogether } from './raw-command.ts';
import { RowBatch } from './row-batch.ts';

/** Rows that Redis confirmed are not there any more. */
export class LostRowsError extends Error {
  readonly code = 'KV_REDIS_LOST_ROWS';
  readonly generation: string;
  constructor(generation: string) {
    super('Redis has lost rows that it had confirmed');
    this.name = 'LostRowsError';
    this.generation = generation;
  }
}

export interface RowGenerationOptions {
  readonly client: Redis | Cluster;
  readonly keys: KvRedisKeys;
  readonly name: string;
  readonly shards: number;
  /** How long its rows outlive their writer. */
  readonly rowsTtlMs: number;
}

/**
 * The rows of one generation as their writer sees them. Each hash counts the writes to it, so a Redis that came back
 * empty or with an older state, that evicted the hash, or that failed over to a copy that lagged behind gives itself
 * away: its count is lower than what it has confirmed.
 */
export class RowGeneration {
  readonly name: string;
  readonly shards: number;
  readonly #options: RowGenerationOptions;
  readonly #hashes: readonly string[];
  /** Writes to each hash that were sent, and that were confirmed. */
  readonly #sent: number[];
  readonly #confirmed: number[];
  readonly #row = new ByteWriter();

  constructor(options: RowGenerationOptions) {
    const { keys, name, shards } = options;
    this.name = name;
    this.shards = shards;
    this.#options = options;
    this.#hashes = Array.from({ length: shards }, (_, shard) => keys.rows(name, shard));
    this.#sent = this.#hashes.map(() => 0);
    this.#confirmed = this.#hashes.map(() => 0);
  }

  /** Makes its hashes, with an end to their lives. */
  async create(): Promise<void> {
    const shards = this.#hashes.map((_, shard) => shard);
    await all([...this.#count(shards), ...this.#expire()]);
  }

  /** Writes the rows of these keys as they are now: everything is sent when it returns, and confirmed when it resolves. */
  write(keys: Uint32Array, rows: KvIndexRows): Promise<void> {
    const batches = this.#batches(keys, rows);
    const commands: Command[] = [];
    for (const { sets, removals } of batches.values()) {
      if (!removals.isEmpty) commands.push(new RawCommand(removals));
      if (!sets.isEmpty) commands.push(new RawCommand(sets));
    }
    return all(this.#count([...batches.keys()], commands));
  }

  /**
   * After answers were lost: whether everything that was confirmed is there. Writes without an answer may or may not be,
   * and are to be written again.
   */
  async resume(): Promise<boolean> {
    const counts = await this.#counts();
    return counts.every((count, shard) => {
      const isPossible =
        count >= (this.#confirmed[shard] as number) && count <= (this.#sent[shard] as number);
      this.#confirmed[shard] = count;
      this.#sent[shard] = count;
      return isPossible && count > 0;
    });
  }

  /** Gives its rows more time. Rejects with {@link LostRowsError} when some are not there. Nothing may be on its way. */
  async keepAlive(): Promise<void> {
    const expected = [...this.#sent];
    const [found] = await Promise.all([this.#counts(), all(this.#expire())]);
    if (found.some((count, shard) => count !== expected[shard])) throw this.#lost();
  }

  #expire(): Promise<unknown>[] {
    const { client, rowsTtlMs } = this.#options;
    const commands = this.#hashes.map((hash) => plainCommand('pexpire', hash, rowsTtlMs));
    return sendTogether(client, commands);
  }

  async #counts(): Promise<number[]> {
    const commands = this.#hashes.map((hash) => plainCommand('hget', hash, COUNTER_FIELD));
    const answers = sendTogether(this.#options.client, commands);
    await all(answers);
    return (await Promise.all(answers)).map(Number);
  }

  /** Sends commands and counts them on the hashes of these shards. */
  #count(shards: readonly number[], commands: readonly Command[] = []): Promise<unknown>[] {
    const counters = shards.map((shard) =>
      plainCommand('hincrby', this.#hashes[shard] as string, COUNTER_FIELD, 1),
    );
    const answers = sendTogether(this.#options.client, [...commands, ...counters]);
    return answers.map(async (answer, place) => {
      const shard = shards[place - commands.length];
      if (shard === undefined) return answer;
      const expected = (this.#sent[shard] as number) + 1;
      this.#sent[shard] = expected;
      if ((await answer) !== expected) throw this.#lost();
      this.#confirmed[shard] = expected;
      return undefined;
    });
  }

  #lost(): LostRowsError {
    return new LostRowsError(this.name);
  }

  #batches(keys: Uint32Array, rows: KvIndexRows) {
    const batches = new Map<number, { sets: RowBatch; removals: RowBatch }>();
    const row = this.#row;
    for (let at = 0; at < keys.length; at += 2) {
      const low = keys[at] as number;
      const high = keys[at + 1] as number;
      const shard = shardOf(high, this.shards);
      let batch = batches.get(shard);
      if (batch === undefined) batches.set(shard, (batch = this.#batch(shard, keys.length / 2)));
      row.length = 0;
      rows.write(low, high, row);
      if (row.length === 0) batch.removals.field(low, high);
      else {
        batch.sets.field(low, high);
        batch.sets.value(row.bytes, row.length);
      }
    }
    return batches;
  }

  #batch(shard: number, keys: number) {
    const hash = this.#hashes[shard] as string;
    // A row takes about as much as its key.
    const expected = Math.ceil((2.2 * keys) / this.shards);
    return { sets: new RowBatch('HSET', hash, expected), removals: new RowBatch('HDEL', hash) };
  }
}

/** Resolves when all have; rejects with the first error, but not before every one has ended. */
export async function all(answers: readonly Promise<unknown>[]): Promise<void> {
  const ended = await Promise.allSettled(answers);
  for (const answer of ended) {
    if (answer.status === 'rejected') throw answer.reason;
  }
}
