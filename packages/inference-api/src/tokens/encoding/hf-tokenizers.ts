// SPDX-License-Identifier: Apache-2.0
import * as library from '@huggingface/tokenizers';

/** A step of a tokenizer that changes text. */
export interface Normalizer {
  normalize(text: string): string;
}

/** A step of a tokenizer that cuts text. `section_index` is 0 for what stands at the beginning of the text. */
export interface PreTokenizer {
  pre_tokenize(text: string, options?: { readonly section_index?: number }): string[];
}

/** Looks up or composes tokens. */
export interface TokenizerModel {
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly unk_token_id?: number;
  /** The tokens of pieces that a pre-tokenizer has cut, one after the other. */
  _call(pieces: string[]): string[];
}

/** A tokenizer and its steps. */
export interface HfTokenizer {
  readonly normalizer: Normalizer | null;
  readonly pre_tokenizer: PreTokenizer | null;
  readonly model: TokenizerModel;
  readonly post_processor: {
    post_process(tokens: string[], pair: null, special: boolean): { readonly tokens: string[] };
  } | null;
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly number[] };
}

type StepOf<Step> = new (config: object) => Step;

interface TokenizersLibrary {
  readonly Tokenizer: new (tokenizerJson: object, tokenizerConfig: object) => HfTokenizer;
  readonly ByteLevelPreTokenizer: StepOf<PreTokenizer>;
  readonly SequencePreTokenizer: StepOf<PreTokenizer>;
}

// The package's declarations import each other in a way that its consumers cannot resolve: to them all of it is `any`.
export const { Tokenizer, ByteLevelPreTokenizer, SequencePreTokenizer } =
  library as unknown as TokenizersLibrary;
