// SPDX-License-Identifier: Apache-2.0
import type { RequestRecord } from './request-record.ts';

/** How much of the prompts came from prefix caches. */
export interface PrefixReuse {
  readonly cachedTokens: number;
  readonly promptTokens: number;
  /** Cached over all prompt tokens; 0 to 1. */
  readonly hitRate: number;
}

/**
 * Sums what servers report of their prefix caches. Undefined when none reports any: engines leave the
 * figure out when they are not told to give it. Some leave out a zero as well, so once one answer has it,
 * an answer without it counts as zero.
 */
export function prefixReuse(records: readonly RequestRecord[]): PrefixReuse | undefined {
  if (records.every(({ cachedTokens }) => cachedTokens === undefined)) return undefined;
  let cachedTokens = 0;
  let promptTokens = 0;
  for (const record of records) {
    cachedTokens += record.cachedTokens ?? 0;
    promptTokens += record.promptTokens ?? record.inputTokens;
  }
  return {
    cachedTokens,
    promptTokens,
    hitRate: promptTokens === 0 ? 0 : cachedTokens / promptTokens,
  };
}
