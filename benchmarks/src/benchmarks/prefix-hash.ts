// SPDX-License-Identifier: Apache-2.0
import { createPrefixHasher } from '@llm-d/kv-index';
import type { Benchmark, Figure } from '../benchmark.ts';
import { cpuPerCall, repetitionsFor } from '../measuring/cpu-per-call.ts';

const LENGTHS = [2000, 25_000, 100_000] as const;
const BLOCK_SIZE_TOKENS = 64;

/** What hashing a prompt's blocks costs. */
export const prefixHash: Benchmark = {
  name: 'prefix-hash',
  summary: `block hashes of prompts of 2,000 to 100,000 tokens, ${BLOCK_SIZE_TOKENS} tokens a block`,
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const hasher = createPrefixHasher();
    const figures: Figure[] = [];
    for (const length of LENGTHS) {
      const tokens = Uint32Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 0);
      const hash = () => {
        hasher.keys(tokens, { model: 'bench-model', blockSizeTokens: BLOCK_SIZE_TOKENS });
      };
      figures.push({
        name: `${length.toLocaleString('en-US')} tokens`,
        unit: 'µs',
        samples: await cpuPerCall(hash, repetitionsFor(quick)),
      });
    }
    return { figures, remarks: [] };
  },
};
