// SPDX-License-Identifier: Apache-2.0
import type { KvMatches, KvPrefix } from '@llm-d/kv-index';
import type { Endpoint, PrefixMatches, TierBlocks } from '@llm-d/scheduler-core';
import type { EndpointNames } from './endpoint-names.ts';
import type { PromptKeys } from './prompt-keys.ts';

/** Blocks that are believed to be there because their request was sent there. */
export const SPECULATIVE_TIER = 'speculative';

/** How many leading blocks of a prompt are believed to be on the endpoint in a slot. */
export type SpeculativeBlocks = (slot: number, keys: Uint32Array) => number;

export interface MatchOptions {
  readonly names: EndpointNames;
  readonly candidates: readonly Endpoint[];
  readonly blockSizeTokens: number;
  readonly promptTokens: number;
  /** Undefined where nothing is believed without events. */
  readonly speculative: SpeculativeBlocks | undefined;
  /** Worth of a block that is believed to be there. */
  readonly speculativeWeight: number;
}

/** What the index found of one prompt. */
export interface FoundPrompt {
  readonly prompt: PromptKeys;
  readonly found: KvMatches;
}

/** Prefix matches by the engines' own word, with what an explanation needs. */
export interface PreciseMatches extends PrefixMatches {
  /** Longest prefix of a single endpoint, over all prompts. */
  readonly longestBlocks: number;
}

/** What each candidate has of a request's prompts, those of one request summed up. */
export function preciseMatches(
  prompts: readonly FoundPrompt[],
  options: MatchOptions,
): PreciseMatches {
  const held: (KvPrefix | undefined)[] = [];
  const media: number[] = [];
  let totalBlocks = 0;
  for (const { prompt, found } of prompts) {
    totalBlocks += prompt.blocks;
    const prefixes = bestBySlot(found, options.names);
    for (const { slot } of options.candidates) {
      const known = prefixes[slot] ?? found.everywhere;
      const prefix = withSpeculation(known, slot, prompt, options);
      if (prefix.blocks === 0) continue;
      held[slot] = sum(held[slot], prefix);
      media[slot] = (media[slot] ?? 0) + countBelow(prompt.mediaBlocks, prefix.blocks);
    }
  }
  let longestBlocks = 0;
  for (const prefix of held) longestBlocks = Math.max(longestBlocks, prefix?.blocks ?? 0);
  return {
    totalBlocks,
    longestBlocks,
    blockSizeTokens: options.blockSizeTokens,
    promptTokens: options.promptTokens,
    matchedBlocks: ({ slot }) => Math.trunc(held[slot]?.weightedBlocks ?? 0),
    cachedBlocks: ({ slot }) => held[slot]?.blocks ?? 0,
    cachedBlocksByTier: ({ slot }) => held[slot]?.byTier ?? NOTHING,
    cachedMediaBlocks: ({ slot }) => media[slot] ?? 0,
  };
}

const NOTHING: readonly TierBlocks[] = [];

/** Of an endpoint that stands for several ranks, what the best of them has. */
function bestBySlot(found: KvMatches, names: EndpointNames): (KvPrefix | undefined)[] {
  const best: (KvPrefix | undefined)[] = [];
  for (const holder of found.holders) {
    for (const slot of names.slotsOf(holder.pod, holder.dpRank)) {
      if (holder.weightedBlocks > (best[slot]?.weightedBlocks ?? -1)) best[slot] = holder;
    }
  }
  return best;
}

/** Blocks that are believed to be there go on where the known ones end. */
function withSpeculation(
  known: KvPrefix,
  slot: number,
  { keys }: PromptKeys,
  { speculative, speculativeWeight }: MatchOptions,
): KvPrefix {
  const more = (speculative?.(slot, keys) ?? 0) - known.blocks;
  if (more <= 0) return known;
  return {
    blocks: known.blocks + more,
    weightedBlocks: known.weightedBlocks + more * speculativeWeight,
    byTier: [...known.byTier, { tier: SPECULATIVE_TIER, blocks: more }],
  };
}

function sum(one: KvPrefix | undefined, other: KvPrefix): KvPrefix {
  if (one === undefined) return other;
  const tiers = new Map(one.byTier.map(({ tier, blocks }) => [tier, blocks]));
  for (const { tier, blocks } of other.byTier) tiers.set(tier, (tiers.get(tier) ?? 0) + blocks);
  return {
    blocks: one.blocks + other.blocks,
    weightedBlocks: one.weightedBlocks + other.weightedBlocks,
    byTier: [...tiers].map(([tier, blocks]) => ({ tier, blocks })),
  };
}

function countBelow(ascending: readonly number[], limit: number): number {
  let count = 0;
  while (count < ascending.length && (ascending[count] ?? limit) < limit) count++;
  return count;
}
