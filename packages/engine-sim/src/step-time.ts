// SPDX-License-Identifier: Apache-2.0
import type { StepCosts } from './profile.ts';

/** What one step computes, as sums over its sequences. */
export interface StepWork {
  /** Prompt tokens computed, recomputed ones included. */
  prefillTokens: number;
  /** Σ x (c + x/2) over prefill chunks of x tokens that follow c tokens of context. */
  prefillContext: number;
  /** Sequences that compute one token to get the next. */
  decodeSequences: number;
  /** Σ of their contexts, in tokens. */
  decodeContext: number;
}

/** Influences that can be changed while the engine runs. Factors multiply, 1 changes nothing. */
export interface LatencySettings {
  /** On the prefill terms. Default 1. */
  readonly prefillFactor: number;
  /** On the decode terms. Default 1. */
  readonly decodeFactor: number;
  /** Milliseconds by which a request reaches the queue later, not scaled by anything. Default 0. */
  readonly extraTtftMs: number;
  /** Factor on a step of a full batch, at least 1; grows linearly from 1 at one sequence. Default 1. */
  readonly timeFactorUnderLoad: number;
}

export const defaultLatencySettings: LatencySettings = {
  prefillFactor: 1,
  decodeFactor: 1,
  extraTtftMs: 0,
  timeFactorUnderLoad: 1,
};

/** Milliseconds that a step with this work takes, before any time scale and load factor. */
export function stepTimeMs(costs: StepCosts, work: StepWork, latency: LatencySettings): number {
  const prefillMs =
    (work.prefillTokens * 1000) / costs.prefillTokensPerSecond +
    costs.prefillQuadraticMsPerTokenSquared * work.prefillContext;
  let decodeMs = 0;
  if (work.decodeSequences > 0) {
    const share = work.prefillTokens > 0 ? costs.decodeShareWithPrefill : 1;
    decodeMs =
      share * costs.decodeBaseMs +
      costs.kvReadMsPerToken * work.decodeContext +
      costs.perSequenceMs * Math.min(work.decodeSequences, costs.perSequenceLimit);
  }
  return costs.baseMs + latency.prefillFactor * prefillMs + latency.decodeFactor * decodeMs;
}
