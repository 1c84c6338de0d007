// SPDX-License-Identifier: Apache-2.0
import type { ApiKind } from './api-descriptor.ts';

/** Tokens that a request took, as the engine counted them. */
export interface Usage {
  readonly promptTokens: number;
  /** 0 for embeddings. */
  readonly completionTokens: number;
  readonly totalTokens: number;
  /** Prompt tokens found in a prefix cache; undefined if the engine does not say. */
  readonly cachedTokens?: number;
}

/** Counters by the names that APIs give them; several names of one thing share one. */
export type UsageCounter =
  | 'prompt'
  | 'completion'
  | 'total'
  | 'cached'
  /** Anthropic's, which are not part of its `input_tokens`. */
  | 'cacheRead'
  | 'cacheCreation';

export type UsageCounters = Partial<Record<UsageCounter, number>>;

/**
 * Usage of the counters seen so far; undefined while there is none. Anthropic counts `input_tokens` without those read
 * from or written to the cache, every other API with them.
 */
export function usageOf(api: ApiKind, counters: UsageCounters): Usage | undefined {
  const { prompt, completion = 0, total, cached, cacheRead, cacheCreation } = counters;
  if (prompt === undefined && completion === 0 && total === undefined) return undefined;
  const aside = api === 'messages' ? (cacheRead ?? 0) + (cacheCreation ?? 0) : 0;
  const promptTokens = (prompt ?? Math.max(0, (total ?? completion) - completion)) + aside;
  const cachedTokens = cached ?? cacheRead;
  return {
    promptTokens,
    completionTokens: completion,
    totalTokens: total ?? promptTokens + completion,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
  };
}
