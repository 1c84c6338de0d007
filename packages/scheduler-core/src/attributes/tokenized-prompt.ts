// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';

/** A picture, a sound or a film as the engine sees it: a run of placeholder tokens. */
export interface MediaFeature {
  readonly kind: 'image' | 'audio' | 'video';
  /** The same for the same content: the engine's hash of it, or what stands for it. */
  readonly key: string;
  /** Index of its first placeholder among the prompt's tokens. */
  readonly offset: number;
  /** How many placeholders it takes; above 0. */
  readonly length: number;
}

/** The prompt as tokens. */
export interface TokenizedPrompt {
  readonly ids: Uint32Array;
  /** Whether the ids are four-byte estimates rather than a tokenizer's. */
  readonly estimated: boolean;
  /** Why they are estimates although there is a tokenizer. For people. */
  readonly estimatedFor?: string;
  /** Where the second and each further prompt of the request begins, ascending. Absent where there is one prompt. */
  readonly promptStarts?: readonly number[];
  /** In the order of the prompt. Absent where there are none, or nothing is known of them. */
  readonly media?: readonly MediaFeature[];
}

/** Default producer: `token-producer`. */
export const tokenizedPrompt = (producer = 'token-producer'): Attribute<TokenizedPrompt> =>
  attribute('TokenizedPrompt', producer);
