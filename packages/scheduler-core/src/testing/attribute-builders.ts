// SPDX-License-Identifier: Apache-2.0
import type { InflightLoad } from '../attributes/inflight-load.ts';
import type { LatencyPrediction, LatencyPredictions } from '../attributes/latency-predictions.ts';
import type { PrefixMatches } from '../attributes/prefix-matches.ts';

export interface PrefixMatchesSetup {
  /** Default 10. */
  readonly totalBlocks?: number;
  /** Default 16. */
  readonly blockSizeTokens?: number;
  /** Default all blocks full. */
  readonly promptTokens?: number;
}

/** Prefix matches by endpoint name; endpoints that are not named hold nothing. */
export function makePrefixMatches(
  matchedBlocks: Readonly<Record<string, number>>,
  setup: PrefixMatchesSetup = {},
): PrefixMatches {
  const { totalBlocks = 10, blockSizeTokens = 16 } = setup;
  return {
    totalBlocks,
    blockSizeTokens,
    promptTokens: setup.promptTokens ?? totalBlocks * blockSizeTokens,
    matchedBlocks: ({ name }) => matchedBlocks[name] ?? 0,
  };
}

/** In-flight load by endpoint name; endpoints that are not named are idle. */
export function makeInflightLoad(
  load: Readonly<Record<string, { readonly requests?: number; readonly tokens?: number }>>,
): InflightLoad {
  return {
    requests: ({ name }) => load[name]?.requests ?? 0,
    tokens: ({ name }) => load[name]?.tokens ?? 0,
  };
}

/** Latency predictions by endpoint name; nothing is predicted for endpoints that are not named. */
export function makeLatencyPredictions(
  predictions: Readonly<Record<string, Partial<LatencyPrediction>>>,
): LatencyPredictions {
  const neutral = { ttftMs: 100, tpotMs: 10, ttftHeadroomMs: 0, tpotHeadroomMs: 0 };
  return {
    of: ({ name }) => {
      const prediction = predictions[name];
      return prediction && { ...neutral, dispatchedRequests: 1, ...prediction };
    },
  };
}
