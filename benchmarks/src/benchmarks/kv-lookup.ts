// SPDX-License-Identifier: Apache-2.0
import {
  type KvEventSource,
  type MemoryKvBlockIndex,
  createKvEventDecoder,
  createMemoryKvBlockIndex,
  createRequestKeyHasher,
} from '@llm-d/kv-index';
import type { Benchmark, Figure } from '../benchmark.ts';
import { cpuPerCall, repetitionsFor } from '../measuring/cpu-per-call.ts';
import { storedPayload } from './kv-event-stream.ts';

const PODS = 64;
const BLOCK_SIZE_TOKENS = 16;
const BLOCKS = 512;
const PROMPTS = 1000;

/** What looking a prompt up costs in an index that holds a million blocks. */
export const kvLookup: Benchmark = {
  name: 'kv-lookup',
  summary: `lookup of ${BLOCKS} blocks in an index of ${PODS} pods`,
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const figures: Figure[] = [];
    const prompts = quick ? 100 : PROMPTS;
    for (const owners of [0, 1, 8, PODS]) {
      const index = createMemoryKvBlockIndex({ blockSizeTokens: BLOCK_SIZE_TOKENS });
      for (let prompt = 0; prompt < prompts; prompt++) store(index, prompt, owners);
      const keys = Array.from({ length: prompts }, (_, prompt) => requestKeysOf(prompt));
      let next = 0;
      const lookup = () => {
        index.lookup(keys[next++ % keys.length] ?? new Uint32Array());
      };
      figures.push({
        name: `held by ${owners} pods`,
        unit: 'µs',
        samples: await cpuPerCall(lookup, repetitionsFor(quick)),
        bar: { atMost: 60 },
      });
    }
    return { figures, remarks: [] };
  },
};

const STREAM = { blockSizeTokens: BLOCK_SIZE_TOKENS, blocksPerEvent: BLOCKS, eventsPerBatch: 1 };
const decoder = createKvEventDecoder();
const hasher = createRequestKeyHasher();

/** Puts a prompt on some pods; where nobody has it, the index is full of others. */
function store(index: MemoryKvBlockIndex, prompt: number, owners: number): void {
  const payload = storedPayload(owners === 0 ? prompt + PROMPTS : prompt, STREAM);
  const result = decoder.decode(payload);
  if (!result.ok) throw result.error;
  for (let i = 0; i < Math.max(1, owners); i++) {
    const pod = `pod-${(prompt + i) % PODS}`;
    const source: KvEventSource = { pod, dpRank: 0, model: 'm', epoch: '1' };
    index.apply(result.batch, source);
  }
}

/** The keys of a prompt of 512 blocks as `storedPayload` makes it. */
export function requestKeysOf(prompt: number): Uint32Array {
  const result = decoder.decode(storedPayload(prompt, STREAM));
  if (!result.ok) throw result.error;
  const [event] = result.batch.events;
  if (event?.type !== 'stored') throw new Error('the payload stores nothing');
  const tokens = result.batch.tokens.subarray(event.tokenStart, event.tokenEnd);
  return hasher.keys(tokens, { model: 'm', blockSizeTokens: BLOCK_SIZE_TOKENS });
}
