// SPDX-License-Identifier: Apache-2.0

/** What a block in each tier is worth compared to one in the accelerator's memory. */
export type TierWeights = Readonly<Record<string, number>>;

/** `gpu` and `cpu` are llm-d's; slower tiers save less, and what is unknown is not taken for fast memory. */
export const defaultTierWeights: TierWeights = { gpu: 1, cpu: 0.8, disk: 0.5, shared: 0.4 };

/** Weight of a tier that has none: half of a block's worth. */
export const UNKNOWN_TIER_WEIGHT = 0.5;

const TIERS: ReadonlyMap<string, string> = new Map([
  ['cpu_pinned', 'cpu'],
  ['fs', 'disk'],
  ['storage', 'shared'],
  ['shared_storage', 'shared'],
  ['obj', 'shared'],
  ['object_store', 'shared'],
  ['external', 'shared'],
]);

/** The tier that an engine's medium stands for: `gpu` for none, and its own word in lower case for an unknown one. */
export function tierOf(medium: string | null): string {
  if (medium === null || medium === '' || medium === 'GPU') return 'gpu';
  const word = medium.toLowerCase();
  return TIERS.get(word) ?? word;
}
