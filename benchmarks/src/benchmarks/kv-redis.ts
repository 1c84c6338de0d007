// SPDX-License-Identifier: Apache-2.0
import { systemClock, systemRandom } from '@llm-d/determinism';
import {
  type KvEventBatch,
  type MemoryKvBlockIndex,
  createKvEventDecoder,
  createMemoryKvBlockIndex,
} from '@llm-d/kv-index';
import {
  type KvRedisMirror,
  type KvRedisReader,
  createKvRedisMirror,
  createKvRedisReader,
} from '@llm-d/kv-index/redis';
import { setImmediate as turn } from 'node:timers/promises';
import type { Benchmark, Figure } from '../benchmark.ts';
import { quantile } from '../measuring/statistics.ts';
import { redisInfo, startPinnedRedis } from '../system/redis-process.ts';
import { storedPayload } from './kv-event-stream.ts';
import { requestKeysOf } from './kv-lookup.ts';

const PODS = 64;
const BLOCK_SIZE_TOKENS = 16;
const EVENT = { blockSizeTokens: BLOCK_SIZE_TOKENS, blocksPerEvent: 64, eventsPerBatch: 1 };
const PROMPT = { ...EVENT, blocksPerEvent: 512 };
const PROMPTS = 200;
const decoder = createKvEventDecoder();

/** What it costs to keep the index in Redis, and to look prompts up there. */
export const kvRedis: Benchmark = {
  name: 'kv-redis',
  summary: `index of ${PODS} pods mirrored to a Redis on another core; lookup of 512 blocks there`,
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const figures: Figure[] = [];
    const repetitions = quick ? 2 : 5;
    figures.push(...(await ingestFigures(quick ? 200_000 : 1_000_000, repetitions)));
    for (const owners of [0, 1, 8, PODS]) {
      figures.push(...(await lookupFigures(owners, { lookups: quick ? 500 : 3000, repetitions })));
    }
    figures.push(await concurrentLookups({ lookups: quick ? 1000 : 10_000, repetitions }));
    return { figures, remarks: [] };
  },
};

/** An index, its mirror and a reader, with a Redis of their own. */
async function openRows(port: number, namespace: string) {
  await using opened = new AsyncDisposableStack();
  const all = {
    ...{ redis: `127.0.0.1:${port}`, namespace, clock: systemClock, random: systemRandom },
    keys: { blockSizeTokens: BLOCK_SIZE_TOKENS },
    // What a busy machine delays is measured, not given up.
    commandTimeoutMs: 60_000,
  };
  const mirror = opened.use(await createKvRedisMirror(all));
  const reader = opened.use(await createKvRedisReader(all));
  const index = createMemoryKvBlockIndex({
    blockSizeTokens: BLOCK_SIZE_TOKENS,
    onChange: mirror.sink,
  });
  mirror.follow(index.rows);
  await mirror.flush();
  const kept = opened.move();
  return { index, mirror, reader, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

interface Rows {
  readonly index: MemoryKvBlockIndex;
  readonly mirror: KvRedisMirror;
  readonly reader: KvRedisReader;
}

async function ingestFigures(blocks: number, repetitions: number): Promise<Figure[]> {
  const stored: number[] = [];
  const removed: number[] = [];
  const again: number[] = [];
  const cpu: number[] = [];
  const bytes: number[] = [];
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    await using redis = await startPinnedRedis();
    await using rows = await openRows(redis.port, 'kv');
    const batches = Array.from({ length: blocks / 64 }, (_, i) => storedBatch(i, EVENT));
    const emptyBytes = await redisInfo(redis.port, 'used_memory');
    const before = process.cpuUsage();
    const storedMs = await timed(() => applyAll(rows, batches));
    const { user, system } = process.cpuUsage(before);
    // Some blocks are on several pods.
    const different = rows.index.stats().blocks;
    const usedBytes = (await redisInfo(redis.port, 'used_memory')) - emptyBytes;
    const againMs = await timed(() => copyAgain(rows, redis.port));
    const removedMs = await timed(() => applyAll(rows, batches.map(removedBatch)));
    if (repetition === 0) continue;
    stored.push(blocks / storedMs);
    again.push(blocks / againMs);
    removed.push(blocks / removedMs);
    cpu.push((user + system) / blocks);
    bytes.push(usedBytes / different);
  }
  return [
    { name: 'stored', unit: 'k blocks/s', samples: stored, bar: { atLeast: 150 } },
    { name: 'stored: index and mirror', unit: 'µs/block', samples: cpu },
    { name: 'removed', unit: 'k blocks/s', samples: removed, bar: { atLeast: 100 } },
    { name: 'all rows written to an empty Redis', unit: 'k rows/s', samples: again },
    { name: 'memory of Redis', unit: 'bytes/row', samples: bytes, bar: { atMost: 82 } },
  ];
}

/** As an indexer does it: batch by batch, with turns of the event loop in between. */
async function applyAll({ index, mirror }: Rows, batches: readonly KvEventBatch[]): Promise<void> {
  for (const [i, batch] of batches.entries()) {
    index.apply(batch, { pod: `pod-${i % PODS}`, dpRank: 0, model: 'm', epoch: '1' });
    if (i % 16 === 15) await turn();
  }
  await mirror.flush();
}

/** A second mirror of the same index writes everything into a namespace of its own. */
async function copyAgain({ index }: Rows, port: number): Promise<void> {
  await using mirror = await createKvRedisMirror({
    ...{ redis: `127.0.0.1:${port}`, namespace: 'again', clock: systemClock },
    ...{ random: systemRandom, keys: { blockSizeTokens: BLOCK_SIZE_TOKENS } },
  });
  mirror.follow(index.rows);
  await mirror.flush();
}

async function lookupFigures(
  owners: number,
  { lookups, repetitions }: { readonly lookups: number; readonly repetitions: number },
): Promise<Figure[]> {
  await using redis = await startPinnedRedis();
  await using rows = await openRows(redis.port, 'kv');
  const keys = await storePrompts(rows, owners);
  const p50: number[] = [];
  const p99: number[] = [];
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const times: number[] = [];
    for (let i = 0; i < lookups; i++) {
      const prompt = keys[i % PROMPTS] ?? new Uint32Array();
      times.push(await timed(() => rows.reader.lookup(prompt)));
    }
    if (repetition === 0) continue;
    p50.push(quantile(times, 0.5));
    p99.push(quantile(times, 0.99));
  }
  const name = `lookup of 512 blocks held by ${owners} pods`;
  return [
    { name: `${name}, p50`, unit: 'ms', samples: p50, bar: { atMost: 1 } },
    { name: `${name}, p99`, unit: 'ms', samples: p99 },
  ];
}

async function concurrentLookups({
  lookups,
  repetitions,
}: {
  readonly lookups: number;
  readonly repetitions: number;
}): Promise<Figure> {
  await using redis = await startPinnedRedis();
  await using rows = await openRows(redis.port, 'kv');
  const keys = await storePrompts(rows, 8);
  const samples: number[] = [];
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const worker = async (_: unknown, from: number) => {
      for (let i = from; i < lookups; i += 16) {
        await rows.reader.lookup(keys[i % PROMPTS] ?? new Uint32Array());
      }
    };
    const ms = await timed(() => Promise.all(Array.from({ length: 16 }, worker)));
    if (repetition > 0) samples.push(lookups / (ms / 1000));
  }
  return { name: 'lookups of 512 blocks held by 8 pods, 16 at a time', unit: '1/s', samples };
}

/** Prompts on some pods, one after the other; the keys to look them up. Where nobody has them, others are there. */
async function storePrompts({ index, mirror }: Rows, owners: number): Promise<Uint32Array[]> {
  for (let prompt = 0; prompt < PROMPTS; prompt++) {
    const batch = storedBatch(owners === 0 ? prompt + PROMPTS : prompt, PROMPT);
    for (let i = 0; i < Math.max(1, owners); i++) {
      const pod = `pod-${(prompt + i) % PODS}`;
      index.apply(batch, { pod, dpRank: 0, model: 'm', epoch: '1' });
    }
    await mirror.flush();
  }
  return Array.from({ length: PROMPTS }, (_, prompt) => requestKeysOf(prompt));
}

/** Made before the clock runs; the decoder takes its arrays back, so they are copied. */
function storedBatch(number: number, stream: typeof EVENT): KvEventBatch {
  const result = decoder.decode(storedPayload(number, stream));
  if (!result.ok) throw result.error;
  const { hashes, tokens } = result.batch;
  return { ...result.batch, hashes: hashes.slice(), tokens: tokens.slice() };
}

function removedBatch({ hashes, ...batch }: KvEventBatch): KvEventBatch {
  const range = { hashStart: 0, hashEnd: hashes.length / 2 };
  const event = { type: 'removed' as const, ...range, medium: 'GPU', groupIndex: 0 };
  return { ...batch, hashes, events: [event] };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = systemClock.nowMs();
  await work();
  return systemClock.nowMs() - before;
}
