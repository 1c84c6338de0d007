// SPDX-License-Identifier: Apache-2.0

/**
 * Which blocks of a prefix a KV-cache group needs: all of them, the last `windowTokens`, or the last one alone, which
 * holds the state of everything before it.
 */
export type AttentionGroup =
  | { readonly needs: 'all' }
  | { readonly needs: 'window'; readonly windowTokens: number }
  | { readonly needs: 'last' };

const ALL: AttentionGroup = { needs: 'all' };
const LAST: AttentionGroup = { needs: 'last' };

/** The group that vLLM's spec kind describes; undefined for kinds that say nothing about a prefix. */
export function attentionGroup(
  kind: string | null,
  slidingWindowTokens: number | null,
): AttentionGroup | undefined {
  switch (kind) {
    case null:
    case 'full_attention':
    case 'mla_attention':
    case 'sink_full_attention':
      return ALL;
    case 'sliding_window':
    case 'sliding_window_mla':
      return slidingWindowTokens === null || slidingWindowTokens < 1
        ? undefined
        : { needs: 'window', windowTokens: slidingWindowTokens };
    case 'mamba':
      return LAST;
    default:
      return undefined;
  }
}

export function sameGroup(a: AttentionGroup, b: AttentionGroup): boolean {
  if (a.needs !== b.needs) return false;
  return a.needs !== 'window' || b.needs !== 'window' || a.windowTokens === b.windowTokens;
}

/** How many blocks before the end of a prefix the group needs. */
export function blocksNeeded(group: AttentionGroup, blockSizeTokens: number): number {
  if (group.needs === 'all') return Infinity;
  if (group.needs === 'last') return 1;
  return Math.ceil((group.windowTokens - 1) / blockSizeTokens);
}
