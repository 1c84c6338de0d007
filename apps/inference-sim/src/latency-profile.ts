// SPDX-License-Identifier: Apache-2.0
import type { EngineProfile } from '@llm-d/engine-sim';

/** Latencies as llm-d-inference-sim's flags state them, in milliseconds. */
export interface StatedLatencies {
  readonly timeToFirstTokenMs: number;
  readonly interTokenLatencyMs: number;
  readonly prefillOverheadMs: number;
  readonly prefillTimePerTokenMs: number;
}

/** A profile whose steps take what was stated, and the delay before a request's first step. */
export function statedProfile(stated: StatedLatencies): {
  readonly profile: EngineProfile;
  readonly extraTtftMs: number;
} {
  const { timeToFirstTokenMs, interTokenLatencyMs, prefillOverheadMs, prefillTimePerTokenMs } =
    stated;
  return {
    extraTtftMs: timeToFirstTokenMs + prefillOverheadMs,
    profile: {
      name: 'stated',
      model: 'simulated-model',
      hardware: 'none',
      tensorParallelSize: 1,
      blockSizeTokens: 16,
      numGpuBlocks: 65_536,
      maxModelLen: 131_072,
      maxNumBatchedTokens: 8192,
      maxNumSeqs: 1024,
      step: {
        // Not zero, so that time moves in any step.
        baseMs: 0.01,
        prefillTokensPerSecond: prefillTimePerTokenMs > 0 ? 1000 / prefillTimePerTokenMs : 1e12,
        prefillQuadraticMsPerTokenSquared: 0,
        decodeBaseMs: interTokenLatencyMs,
        ...{
          kvReadMsPerToken: 0,
          perSequenceMs: 0,
          perSequenceLimit: 1,
          decodeShareWithPrefill: 1,
        },
      },
    },
  };
}
