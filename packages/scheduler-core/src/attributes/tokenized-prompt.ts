// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';

/** The prompt as tokens. */
export interface TokenizedPrompt {
  readonly ids: Uint32Array;
  /** Whether the ids are four-byte estimates rather than a tokenizer's. */
  readonly estimated: boolean;
}

/** Default producer: `token-producer`. */
export const tokenizedPrompt = (producer = 'token-producer'): Attribute<TokenizedPrompt> =>
  attribute('TokenizedPrompt', producer);
