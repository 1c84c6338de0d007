// SPDX-License-Identifier: Apache-2.0
import type { BlockKnowledge } from './block-knowledge.ts';
import type { ParityWatchdog } from './parity-watchdog.ts';
import type { PrecisePrefixParameters } from './precise-prefix-parameters.ts';
import { MAX_SPECULATIVE_ENTRIES, type SpeculativePlacement } from './speculative-placement.ts';

/** Subscribers, sources and entries that are listed; llm-d's bound. */
const LISTED = 100;

export interface PreciseStateOptions {
  readonly settings: PrecisePrefixParameters;
  readonly knowledge: BlockKnowledge;
  readonly speculation: SpeculativePlacement | undefined;
  readonly watchdog: ParityWatchdog;
  readonly nowMs: number;
}

/** What an instance is doing, with the fields that llm-d shows and ours beside them. */
export function preciseState(options: PreciseStateOptions): Readonly<Record<string, unknown>> {
  const { settings, knowledge, speculation, watchdog, nowMs } = options;
  const subscribers = knowledge.subscribers();
  const sources = knowledge.sources();
  const entries = speculation?.entries() ?? [];
  const stats = knowledge.stats();
  return {
    backend: knowledge.backend,
    blockSizeTokens: settings.tokenProcessorConfig.blockSizeTokens,
    subscribers: subscribers.slice(0, LISTED),
    totalSubscribers: subscribers.length,
    maxSubscribers: LISTED,
    speculativeIndexing: settings.speculativeIndexing,
    speculativeEntries: entries.slice(0, LISTED).map(({ requestId, keys, untilMs }) => ({
      requestId,
      blocks: keys.length >>> 1,
      expiresInMs: Math.max(0, untilMs - nowMs),
    })),
    totalSpeculativeEntries: entries.length,
    maxSpeculativeEntries: MAX_SPECULATIVE_ENTRIES,
    tokenParity: {
      trusted: watchdog.isTrusted,
      share: watchdog.share ?? null,
      trials: watchdog.trials,
    },
    freshness: knowledge.freshness() ?? null,
    sources: sources.slice(0, LISTED),
    totalSources: sources.length,
    index: stats && {
      blocks: stats.blocks,
      copies: stats.copies,
      unswept: stats.unswept,
      bytes: stats.bytes,
      unplaced: stats.unplaced,
    },
  };
}
