// SPDX-License-Identifier: Apache-2.0
import { createRequestKeyHasher } from '@llm-d/kv-index';
import type { Benchmark, Figure } from '../benchmark.ts';
import { cpuPerCall, repetitionsFor } from '../measuring/cpu-per-call.ts';

const LENGTH = 100_000;
const BLOCK_SIZE_TOKENS = 16;

/** What the request keys of a long prompt cost. */
export const requestKeys: Benchmark = {
  name: 'request-keys',
  summary: `request keys of a prompt of 100,000 tokens, ${BLOCK_SIZE_TOKENS} tokens a block`,
  runnerIs: 'subject',
  run: async ({ quick }) => {
    // Ids of a vocabulary of 150,000: most take five bytes of CBOR.
    const tokens = Uint32Array.from({ length: LENGTH }, (_, i) => (i * 48_271) % 150_000);
    const figures: Figure[] = [];
    for (const algorithm of ['cbor-fnv', 'xxh64'] as const) {
      const hasher = createRequestKeyHasher({ algorithm });
      const hash = () => {
        hasher.keys(tokens, { model: 'bench-model', blockSizeTokens: BLOCK_SIZE_TOKENS });
      };
      figures.push({
        name: algorithm,
        unit: 'µs',
        samples: await cpuPerCall(hash, repetitionsFor(quick)),
        bar: { atMost: 1000 },
      });
    }
    return { figures, remarks: [] };
  },
};
