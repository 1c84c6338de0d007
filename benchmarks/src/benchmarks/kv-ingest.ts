// SPDX-License-Identifier: Apache-2.0
import {
  type MemoryKvBlockIndex,
  createKvEventDecoder,
  createMemoryKvBlockIndex,
} from '@llm-d/kv-index';
import type { Bar, Benchmark, Figure } from '../benchmark.ts';
import { type KvEventStream, storedPayloads } from './kv-event-stream.ts';

const PODS = 64;
const BLOCK_SIZE_TOKENS = 16;
const FULL_BLOCKS = 4_000_000;
const PAYLOADS_AT_ONCE = 2000;

interface Case {
  readonly name: string;
  readonly stream: KvEventStream;
  readonly bar: Bar;
}

const CASES: readonly Case[] = [
  {
    name: 'one event of 64 blocks',
    stream: { blockSizeTokens: BLOCK_SIZE_TOKENS, blocksPerEvent: 64, eventsPerBatch: 1 },
    bar: { atLeast: 2 },
  },
  {
    name: '16 events of one block',
    stream: { blockSizeTokens: BLOCK_SIZE_TOKENS, blocksPerEvent: 1, eventsPerBatch: 16 },
    bar: { atLeast: 1 },
  },
];

/** What decoding, hashing and indexing the blocks of 64 pods costs, and what an index of them weighs. */
export const kvIngest: Benchmark = {
  name: 'kv-ingest',
  summary: `blocks of ${PODS} pods from MessagePack into the index; its memory; clearing a pod of 4 M blocks`,
  runnerIs: 'subject',
  run: ({ quick }) => {
    const figures: Figure[] = [];
    const blocks = quick ? 200_000 : 1_000_000;
    for (const algorithm of ['cbor-fnv', 'xxh64'] as const) {
      for (const one of CASES) {
        const name = `${one.name}, ${algorithm}`;
        const samples: number[] = [];
        for (let repetition = 0; repetition <= (quick ? 2 : 5); repetition++) {
          const index = createMemoryKvBlockIndex({ blockSizeTokens: BLOCK_SIZE_TOKENS, algorithm });
          const rate = blocks / fill(index, { blocks, pods: PODS, stream: one.stream });
          if (repetition > 0) samples.push(rate);
        }
        figures.push({ name, unit: 'M blocks/s', samples, bar: one.bar });
      }
    }
    figures.push(memoryPerBlock(quick ? 400_000 : FULL_BLOCKS));
    figures.push(...clearingPod(quick ? 400_000 : FULL_BLOCKS));
    return Promise.resolve({ figures, remarks: [] });
  },
};

/** Fills an index round robin over the pods and returns the CPU time in µs; making the payloads is not counted. */
function fill(
  index: MemoryKvBlockIndex,
  { blocks, pods, stream }: { blocks: number; pods: number; stream: KvEventStream },
): number {
  const decoder = createKvEventDecoder();
  const perPayload = stream.blocksPerEvent * stream.eventsPerBatch;
  let usedUs = 0;
  for (let made = 0; made < blocks;) {
    const count = Math.min(PAYLOADS_AT_ONCE, Math.ceil((blocks - made) / perPayload));
    const payloads = storedPayloads(made / perPayload, count, stream);
    made += count * perPayload;
    const before = process.cpuUsage();
    for (const [i, payload] of payloads.entries()) {
      const result = decoder.decode(payload);
      if (!result.ok) throw result.error;
      index.apply(result.batch, { pod: `pod-${i % pods}`, dpRank: 0, model: 'm', epoch: '1' });
    }
    const { user, system } = process.cpuUsage(before);
    usedUs += user + system;
  }
  return usedUs;
}

const LARGE = { blockSizeTokens: BLOCK_SIZE_TOKENS, blocksPerEvent: 64, eventsPerBatch: 1 };

function memoryPerBlock(blocks: number): Figure {
  const index = createMemoryKvBlockIndex({
    blockSizeTokens: BLOCK_SIZE_TOKENS,
    algorithm: 'xxh64',
  });
  fill(index, { blocks, pods: PODS, stream: LARGE });
  const { copies, bytes } = index.stats();
  return {
    name: `tables, ${copies} blocks on ${PODS} pods`,
    unit: 'bytes/block',
    samples: [bytes / copies],
    bar: { atMost: 80 },
  };
}

function clearingPod(blocks: number): Figure[] {
  const due: (() => void)[] = [];
  const index = createMemoryKvBlockIndex({
    blockSizeTokens: BLOCK_SIZE_TOKENS,
    algorithm: 'xxh64',
    defer: (slice) => due.push(slice),
  });
  fill(index, { blocks, pods: 1, stream: LARGE });
  const slices: number[] = [];
  const call = timed(() => {
    index.clear('pod-0');
  });
  for (let slice = due.shift(); slice !== undefined; slice = due.shift()) slices.push(timed(slice));
  const name = `clearing a pod of ${blocks} blocks`;
  const total = slices.reduce((sum, ms) => sum + ms, 0);
  return [
    { name: `${name}: the call`, unit: 'ms', samples: [call], bar: { atMost: 10 } },
    {
      name: `${name}: longest slice`,
      unit: 'ms',
      samples: [Math.max(...slices)],
      bar: { atMost: 10 },
    },
    { name: `${name}: all ${slices.length} slices`, unit: 'ms', samples: [total] },
  ];
}

function timed(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
