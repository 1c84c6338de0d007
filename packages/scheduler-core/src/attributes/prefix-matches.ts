// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';
import type { Endpoint } from '../endpoint.ts';

/** How much of the prompt each endpoint holds in its KV cache. */
export interface PrefixMatches {
  /** Blocks of the whole prompt; 0 for a prompt shorter than a block. */
  readonly totalBlocks: number;
  readonly blockSizeTokens: number;
  /** Tokens of the whole prompt. */
  readonly promptTokens: number;
  /**
   * Leading blocks that this endpoint holds, 0 to `totalBlocks`. A producer that knows in which memory they are weights
   * them by it and rounds down.
   */
  matchedBlocks(endpoint: Endpoint): number;
  /** The same without weights. Absent where the producer knows of one kind of memory only. */
  cachedBlocks?(endpoint: Endpoint): number;
  /** The same by kind of memory, such as `gpu`, `cpu` or `speculative`, the kinds that have none left out. */
  cachedBlocksByTier?(endpoint: Endpoint): readonly TierBlocks[];
  /** Those of the held blocks that have to do with media. Absent where nothing is known of media. */
  cachedMediaBlocks?(endpoint: Endpoint): number;
}

/** Blocks in one kind of memory. */
export interface TierBlocks {
  readonly tier: string;
  readonly blocks: number;
}

/** Default producer: `approx-prefix-cache-producer`. */
export const prefixMatches = (
  producer = 'approx-prefix-cache-producer',
): Attribute<PrefixMatches> => attribute('PrefixMatches', producer);
