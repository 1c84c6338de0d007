// SPDX-License-Identifier: Apache-2.0
import type { Cluster, Redis } from 'ioredis';
import { type KvRedisHead, type KvRedisKeys, headText, parseHead } from './layout.ts';

const CLAIM = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ''`;
const PUBLISH = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if ARGV[4] == '' then redis.call('PEXPIRE', KEYS[3], ARGV[3])
else redis.call('SET', KEYS[3], ARGV[4], 'PX', ARGV[3]) end
return 1`;
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

/** Another writer has the lease. */
export class LeaseLostError extends Error {
  readonly code = 'KV_REDIS_LEASE_LOST';
  constructor() {
    super('another writer has the lease');
    this.name = 'LeaseLostError';
  }
}

export interface WriterLeaseOptions {
  readonly client: Redis | Cluster;
  readonly keys: KvRedisKeys;
  /** Name of the writer: no other may have it. */
  readonly writer: string;
  readonly leaseMs: number;
  readonly rowsTtlMs: number;
}

/** The right to say what is read: one writer of a namespace has it at a time, and loses it by falling silent. */
export class WriterLease {
  readonly #options: WriterLeaseOptions;

  constructor(options: WriterLeaseOptions) {
    this.#options = options;
  }

  /** Takes or renews the lease. The name of its holder, if that is another. */
  async claim(): Promise<string | undefined> {
    const { client, keys, writer, leaseMs } = this.#options;
    const holder = await client.eval(CLAIM, 1, keys.lease, writer, leaseMs);
    return holder === '' ? undefined : String(holder);
  }

  /** What is to be read at present. */
  async readHead(): Promise<KvRedisHead | undefined> {
    const text = await this.#options.client.get(this.#options.keys.head);
    return text === null ? undefined : parseHead(text);
  }

  /** Says what is to be read; with a directory, replaces it. Rejects with {@link LeaseLostError}. */
  async publish(head: KvRedisHead, directory = ''): Promise<void> {
    const { client, keys, writer, rowsTtlMs } = this.#options;
    const names = [keys.lease, keys.head, keys.directory(head.generation)];
    const values = [writer, headText(head), rowsTtlMs, directory];
    const published = await client.eval(PUBLISH, names.length, ...names, ...values);
    if (published !== 1) throw new LeaseLostError();
  }

  /** Makes what another head named go. */
  async drop({ generation, shards }: KvRedisHead): Promise<void> {
    const { client, keys } = this.#options;
    const hashes = Array.from({ length: shards }, (_, shard) => keys.rows(generation, shard));
    await Promise.all([...hashes, keys.directory(generation)].map((key) => client.unlink(key)));
  }

  async release(): Promise<void> {
    await this.#options.client.eval(RELEASE, 1, this.#options.keys.lease, this.#options.writer);
  }
}
