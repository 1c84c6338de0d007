// SPDX-License-Identifier: Apache-2.0
import { type Random, createRandom, randomBelow, systemClock } from '@llm-d/determinism';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { KvMatches } from '../kv-block-index.ts';
import { type MemoryKvBlockIndex, createMemoryKvBlockIndex } from '../memory/memory-index.ts';
import { createRequestKeyHasher } from '../request-key-hasher.ts';
import { ByteWriter } from '../rows/byte-writer.ts';
import { BatchBuilder } from '../testing.ts';
import {
  type KvRedisMirror,
  type KvRedisMirrorOptions,
  createKvRedisMirror,
} from './kv-redis-mirror.ts';
import { type KvRedisReader, createKvRedisReader } from './kv-redis-reader.ts';
import { parseHead } from './layout.ts';

export const BLOCK = 4;
const BLOCKS = 300;
const PROMPTS = 6;
const hasher = createRequestKeyHasher();
const keys = { blockSizeTokens: BLOCK };

/** Prompts that share their first 100 blocks two by two. */
const tokensOf = (prompt: number): number[] =>
  Array.from({ length: BLOCK * BLOCKS }, (_, i) =>
    i < 100 * BLOCK ? 1000 * (prompt >> 1) + i : 10_000 * prompt + i,
  );
const prompts = Array.from({ length: PROMPTS }, (_, prompt) => tokensOf(prompt));
export const promptKeys = prompts.map((tokens) =>
  hasher.keys(Uint32Array.from(tokens), { model: 'm', blockSizeTokens: BLOCK }),
);

/** An index, the mirror of it in Redis, and a reader of that. */
export interface RedisRig extends AsyncDisposable {
  readonly index: MemoryKvBlockIndex;
  readonly mirror: KvRedisMirror;
  readonly reader: KvRedisReader;
}

export async function openRig(
  url: string,
  options: Partial<KvRedisMirrorOptions> & { readonly readFrom?: string } = {},
): Promise<RedisRig> {
  await using opened = new AsyncDisposableStack();
  const rest = { keys, clock: systemClock, random: createRandom(randomSeed++), flushDelayMs: 0 };
  // Short, so that what a writer notices at its heartbeat is noticed soon.
  const limits = { leaseMs: 600, connectTimeoutMs: 10_000 };
  const mirror = opened.use(
    await createKvRedisMirror({ redis: url, ...limits, ...rest, ...options }),
  );
  const reader = opened.use(
    await createKvRedisReader({ ...rest, ...options, redis: options.readFrom ?? url }),
  );
  const index = createMemoryKvBlockIndex({ blockSizeTokens: BLOCK, onChange: mirror.sink });
  mirror.follow(index.rows);
  const all = opened.move();
  return { index, mirror, reader, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
let randomSeed = 1;

const media = ['GPU', 'GPU', 'GPU', 'CPU', 'SHARED_STORAGE'];
const groups = [
  { groupIndex: 0, specKind: 'full_attention', slidingWindowTokens: null },
  { groupIndex: 1, specKind: 'sliding_window', slidingWindowTokens: 3 * BLOCK },
  { groupIndex: 2, specKind: 'mamba', slidingWindowTokens: null },
];

/** Events as a fleet makes them: pods 0 to 4 have full attention, pod 5 also windows and states. */
export class RandomFleet {
  readonly #random: Random;
  readonly #epochs = new Map<number, number>();
  readonly #everywhere: boolean;

  constructor(seed: number, { everywhere = false } = {}) {
    this.#random = createRandom(seed);
    this.#everywhere = everywhere;
  }

  /** Does something to an index. */
  step(index: MemoryKvBlockIndex): void {
    const pod = this.#below(this.#everywhere ? 7 : 6);
    const what = this.#below(20);
    if (what === 0) index.clear(`pod-${pod}`);
    else if (what === 1) index.remove(`pod-${pod}`);
    else if (what === 2) this.#epochs.set(pod, (this.#epochs.get(pod) ?? 0) + 1);
    else if (what === 3) index.sweep(this.#below(500));
    else this.#event(index, pod, what < 14);
  }

  #event(index: MemoryKvBlockIndex, pod: number, isStored: boolean): void {
    const prompt = this.#below(PROMPTS);
    const end = 1 + this.#below(BLOCKS);
    const group = groups[pod === 5 ? this.#below(3) : 0];
    const medium = media[this.#below(media.length)] ?? null;
    const all = { medium, ...group };
    const from = isStored && this.#below(2) === 0 ? 0 : this.#below(end);
    const hashes = Array.from({ length: end - from }, (_, i) => hashOf(prompt, from + i));
    const batch = new BatchBuilder();
    const tokens = prompts[prompt]?.slice(BLOCK * from, BLOCK * end) ?? [];
    const parent = from === 0 ? undefined : hashOf(prompt, from - 1);
    if (isStored) batch.stored({ hashes, tokens, parent, ...all });
    else batch.removed({ hashes, medium, groupIndex: group?.groupIndex ?? 0 });
    const epoch = String(this.#epochs.get(pod) ?? 0);
    const source = { pod: `pod-${pod}`, dpRank: 0, model: 'm', epoch, everywhere: pod === 6 };
    index.apply(batch.build(), source);
  }

  #below(bound: number): number {
    return randomBelow(this.#random, bound);
  }
}

/** An engine gives equal blocks equal hashes. */
const hashOf = (prompt: number, block: number): bigint =>
  BigInt(block < 100 ? prompt >> 1 : prompt + 10) * 1000n + BigInt(block + 1);

/** Matches in an order of their own. */
export function sorted({ holders, everywhere }: KvMatches): KvMatches {
  const rounded = <T extends { readonly weightedBlocks: number }>(prefix: T): T => ({
    ...prefix,
    weightedBlocks: Math.round(prefix.weightedBlocks * 1e6) / 1e6,
  });
  const inOrder = [...holders].sort((a, b) => a.pod.localeCompare(b.pod));
  return { holders: inOrder.map(rounded), everywhere: rounded(everywhere) };
}

/** Every prompt is found in Redis as in memory. */
export async function expectSameLookups({ index, reader }: RedisRig): Promise<void> {
  for (const prompt of promptKeys) {
    expect(sorted(await reader.lookup(prompt))).toEqual(sorted(index.lookup(prompt)));
  }
}

/** Redis has exactly the rows of the index, byte for byte, and nothing else. */
export async function expectSameRows(url: string, rig: RedisRig, namespace = 'kv'): Promise<void> {
  const redis = new Redis(url);
  try {
    const head = parseHead((await redis.get(`{${namespace}}:head`)) ?? '');
    const found = new Map<string, string>();
    for (let shard = 0; shard < (head?.shards ?? 0); shard++) {
      const hash = `{${namespace}:${shard}}:rows:${head?.generation}`;
      const fields = (await redis.hkeysBuffer(hash)).filter((field) => field.length === 8);
      expect(await redis.hlen(hash)).toBe(fields.length + 1);
      if (fields.length === 0) continue;
      const rows = await redis.hmgetBuffer(hash, ...fields);
      for (const [i, field] of fields.entries()) {
        found.set(field.toString('hex'), rows[i]?.toString('hex') ?? '');
      }
    }
    expect(found).toEqual(rowsOf(rig.index));
    const others = await redis.keys(`{${namespace}:*`);
    expect(others.filter((key) => !key.endsWith(head?.generation ?? '?'))).toEqual([]);
  } finally {
    redis.disconnect();
  }
}

function rowsOf({ rows }: MemoryKvBlockIndex): Map<string, string> {
  const expected = new Map<string, string>();
  for (let part = 0; part < rows.parts; part++) {
    const pairs = rows.keysOf(part);
    for (let at = 0; at < pairs.length; at += 2) {
      const key = Buffer.alloc(8);
      key.writeUInt32LE(pairs[at] ?? 0);
      key.writeUInt32LE(pairs[at + 1] ?? 0, 4);
      const row = new ByteWriter();
      rows.write(pairs[at] ?? 0, pairs[at + 1] ?? 0, row);
      expected.set(key.toString('hex'), row.bytes.subarray(0, row.length).toString('hex'));
    }
  }
  return expected;
}
