// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';
import type { Endpoint } from '../endpoint.ts';

/** How much of a prompt's pictures, sounds and films each endpoint has encoded already. */
export interface EncoderCacheMatches {
  /** Size of all items, in their own unit; above 0. */
  readonly totalSize: number;
  /** Size of the items that this endpoint holds, 0 to `totalSize`. */
  matchedSize(endpoint: Endpoint): number;
}

/** Set for requests with media only. Default producer: `mm-embeddings-cache-producer`. */
export const encoderCacheMatches = (
  producer = 'mm-embeddings-cache-producer',
): Attribute<EncoderCacheMatches> => attribute('EncoderCacheMatches', producer);
