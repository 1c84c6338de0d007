// SPDX-License-Identifier: Apache-2.0
import {
  type KvEventBatch,
  type MemoryKvBlockIndex,
  createMemoryKvBlockIndex,
  restoreMemoryKvBlockIndex,
} from '@llm-d/kv-index';
import { setImmediate } from 'node:timers/promises';
import type { Benchmark, Figure } from '../benchmark.ts';

const PODS = 100;
const BLOCK_SIZE_TOKENS = 16;
const BATCH_BLOCKS = 64;
const FULL_BLOCKS = 4_000_000;
/** Every so many batches one goes to two pods. */
const SHARED_EVERY = 8;
const OPTIONS = { blockSizeTokens: BLOCK_SIZE_TOKENS };

/** What it costs to keep an index for the next process, and to begin with it. */
export const kvSnapshot: Benchmark = {
  name: 'kv-snapshot',
  summary: `a snapshot of an index of ${PODS} pods: taking it, its size, beginning with it`,
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const index = createMemoryKvBlockIndex(OPTIONS);
    const batches = (quick ? 400_000 : FULL_BLOCKS) / BATCH_BLOCKS;
    for (let number = 0; number < batches; number++) store(index, number);
    const measured: Measured[] = [];
    for (let repetition = 0; repetition <= (quick ? 2 : 5); repetition++) {
      const one = await measure(index, batches + PODS * repetition);
      if (repetition > 0) measured.push(one);
    }
    return { figures: figuresOf(measured), remarks: [] };
  },
};

interface Measured {
  readonly copies: number;
  readonly bytes: number;
  readonly takeMs: number;
  readonly takeTurnMs: number;
  readonly applyMs: number;
  readonly restoreMs: number;
  readonly restoreTurnMs: number;
}

async function measure(index: MemoryKvBlockIndex, next: number): Promise<Measured> {
  const chunks: Uint8Array[] = [];
  const taken = await turns(async () => {
    for await (const chunk of index.snapshot()) chunks.push(chunk);
  });
  const bytes = Buffer.concat(chunks);
  const restored = await turns(() => restoreMemoryKvBlockIndex(bytes, OPTIONS));
  return {
    copies: index.stats().copies,
    bytes: bytes.length,
    ...{ takeMs: taken.ms, takeTurnMs: taken.longestMs },
    ...{ restoreMs: restored.ms, restoreTurnMs: restored.longestMs },
    applyMs: longestApply(index, next),
  };
}

function figuresOf(all: readonly Measured[]): Figure[] {
  const of = (read: (one: Measured) => number) => all.map(read);
  const name = `${all[0]?.copies ?? 0} copies`;
  return [
    { name: `${name}: taking it`, unit: 'ms', samples: of(({ takeMs }) => takeMs) },
    {
      name: 'longest turn while it is taken',
      unit: 'ms',
      samples: of(({ takeTurnMs }) => takeTurnMs),
      bar: { atMost: 10 },
    },
    {
      name: 'longest batch of a pod that must be written first',
      unit: 'ms',
      samples: of(({ applyMs }) => applyMs),
      bar: { atMost: 10 },
    },
    { name: 'its size', unit: 'MB', samples: of(({ bytes }) => bytes / 1e6) },
    {
      name: 'its size',
      unit: 'bytes/copy',
      samples: of(({ bytes, copies }) => bytes / copies),
      bar: { atMost: 24 },
    },
    {
      name: 'an index made of it',
      unit: 'ms',
      samples: of(({ restoreMs }) => restoreMs),
      bar: { atMost: 5000 },
    },
    {
      name: 'longest turn while it is made',
      unit: 'ms',
      samples: of(({ restoreTurnMs }) => restoreTurnMs),
    },
  ];
}

/** CPU time of some work, altogether and of the longest turn of the event loop. */
async function turns(work: () => Promise<unknown>): Promise<{ ms: number; longestMs: number }> {
  let longestMs = 0;
  const state = { isOver: false };
  const start = cpuMs();
  const working = work().finally(() => (state.isOver = true));
  while (!state.isOver) {
    const before = threadMs();
    await setImmediate();
    longestMs = Math.max(longestMs, threadMs() - before);
  }
  await working;
  return { ms: cpuMs() - start, longestMs };
}

/** Every pod's first batch after the snapshot was asked for. */
function longestApply(index: MemoryKvBlockIndex, next: number): number {
  const snapshot = index.snapshot();
  let longest = 0;
  for (let pod = 0; pod < PODS; pod++) {
    const batch = batchOf(next + pod);
    const before = threadMs();
    index.apply(batch, sourceOf(pod));
    longest = Math.max(longest, threadMs() - before);
  }
  snapshot[Symbol.dispose]();
  return longest;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Of this thread alone: what holds up the event loop. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function store(index: MemoryKvBlockIndex, number: number): void {
  const batch = batchOf(number);
  index.apply(batch, sourceOf(number % PODS));
  if (number % SHARED_EVERY === 0) index.apply(batch, sourceOf((number + 1) % PODS));
}

const sourceOf = (pod: number) => ({
  ...{ pod: `10.0.0.${pod}:8000`, dpRank: 0, model: 'm', epoch: '1' },
});

/** Blocks at the beginning of a prompt that nobody else has. */
function batchOf(number: number): KvEventBatch {
  const tokens = new Uint32Array(BATCH_BLOCKS * BLOCK_SIZE_TOKENS).fill(number);
  const hashes = new Uint32Array(2 * BATCH_BLOCKS);
  for (let block = 0; block < BATCH_BLOCKS; block++) {
    hashes[2 * block] = Math.imul(number * BATCH_BLOCKS + block + 1, 0x9e3779b1);
    hashes[2 * block + 1] = number;
  }
  return {
    ...{ timestampSeconds: 0, dataParallelRank: null, hashes, tokens, problems: [] },
    events: [
      {
        type: 'stored',
        ...{ hashStart: 0, hashEnd: BATCH_BLOCKS, tokenStart: 0, tokenEnd: tokens.length },
        ...{ hasParent: false, parentLow: 0, parentHigh: 0 },
        ...{ blockSizeTokens: BLOCK_SIZE_TOKENS, medium: 'GPU', loraName: null, extraKeys: null },
        ...{ groupIndex: null, specKind: null, slidingWindowTokens: null },
      },
    ],
  };
}
