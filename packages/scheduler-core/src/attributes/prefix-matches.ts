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
  /** Leading blocks that this endpoint holds, 0 to `totalBlocks`. */
  matchedBlocks(endpoint: Endpoint): number;
}

/** Default producer: `approx-prefix-cache-producer`. */
export const prefixMatches = (
  producer = 'approx-prefix-cache-producer',
): Attribute<PrefixMatches> => attribute('PrefixMatches', producer);
