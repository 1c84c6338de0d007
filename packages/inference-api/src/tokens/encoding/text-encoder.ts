// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { TokenizerError } from '../tokenizer-error.ts';
import { createAddedTokenSplitter, type Section } from './added-token-splitter.ts';
import { Tokenizer, type HfTokenizer } from './hf-tokenizers.ts';
import { createPieceEncoder } from './piece-encoder.ts';
import type { PrefixTokenCache } from './prefix-token-cache.ts';
import { TokenList } from './token-list.ts';
import {
  addedTokenOf,
  addedTokenRecords,
  checkSupported,
  isRecord,
  stepsOf,
  type JsonRecord,
} from './tokenizer-json.ts';

/** Turns text into token ids. */
export interface TextEncoder {
  /**
   * The ids of a text; `addSpecialTokens` puts those around it that the tokenizer has for that, such as a first one.
   * Half a surrogate pair counts as U+FFFD.
   */
  encode(text: string, options: { readonly addSpecialTokens: boolean }): Uint32Array<ArrayBuffer>;
}

/** Least characters whose tokens are kept together. Shorter ones cost less to encode than to look up. */
const CHUNK_LENGTH = 1024;

/**
 * An encoder for the contents of a `tokenizer.json` and a `tokenizer_config.json`. Throws a {@link TokenizerError}.
 *
 * Text is looked up in `cache` in chunks that end behind an added token (`<|im_end|>` and its kind). Nothing crosses
 * these: they are found before anything is merged or normalized, so what stands before one and what stands behind it
 * become the same tokens together as each alone. Chunks are cut off from the beginning on, so that texts which begin
 * alike have them in common.
 */
export function createTextEncoder(
  tokenizerJson: JsonRecord,
  config: JsonRecord,
  cache: PrefixTokenCache,
): TextEncoder {
  checkSupported(tokenizerJson);
  const records = addedTokenRecords(tokenizerJson, config);
  const tokens = records.map(addedTokenOf);
  const tokenizer = createHfTokenizer({ ...tokenizerJson, added_tokens: records }, config);
  const { normalizer } = tokenizer;
  const ofRawText = (token: { readonly normalized: boolean }) =>
    normalizer === null || !token.normalized;
  const split = createAddedTokenSplitter(tokens.filter(ofRawText));
  const splitNormalized = createAddedTokenSplitter(
    tokens
      .filter((token) => !ofRawText(token))
      .map((token) => ({ ...token, content: normalizer?.normalize(token.content) ?? '' })),
  );
  const encodePieces = createPieceEncoder(tokenizer, tokenizerJson);
  const around = specialTokensAround(tokenizer, tokenizerJson);

  const encodeSection = (text: string, { start, end, token }: Section, into: TokenList): void => {
    if (token !== undefined) {
      into.push(token.id);
      return;
    }
    const normalized = normalizer?.normalize(text.slice(start, end)) ?? text.slice(start, end);
    for (const section of splitNormalized(normalized)) {
      if (section.token !== undefined) into.push(section.token.id);
      else {
        const inner = normalized.slice(section.start, section.end);
        encodePieces(inner, start === 0 && section.start === 0, into);
      }
    }
  };

  const encodeChunk = (text: string, sections: readonly Section[], into: TokenList): void => {
    const start = sections[0]?.start ?? 0;
    const end = sections.at(-1)?.end ?? 0;
    const isLong = end - start >= CHUNK_LENGTH;
    // Only what the text begins with may have a space put before it.
    const place = start === 0 ? 'first ' : '';
    const key = isLong ? place + hash('sha256', text.slice(start, end), 'base64url') : '';
    const known = isLong ? cache.get(key) : undefined;
    if (known !== undefined) {
      into.pushAll(known);
      return;
    }
    const from = into.length;
    for (const section of sections) encodeSection(text, section, into);
    if (isLong) cache.put(key, into.slice(from));
  };

  return {
    encode: (given, { addSpecialTokens }) => {
      const text = given.toWellFormed();
      const into = new TokenList();
      if (addSpecialTokens) into.pushAll(around.before);
      let chunk: Section[] = [];
      for (const section of split(text)) {
        chunk.push(section);
        const start = chunk[0]?.start ?? 0;
        if (section.token !== undefined && section.end - start >= CHUNK_LENGTH) {
          encodeChunk(text, chunk, into);
          chunk = [];
        }
      }
      encodeChunk(text, chunk, into);
      if (addSpecialTokens) into.pushAll(around.behind);
      return into.slice();
    },
  };
}

function createHfTokenizer(tokenizerJson: JsonRecord, config: JsonRecord): HfTokenizer {
  try {
    return new Tokenizer(tokenizerJson, config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError('TOKENIZER_UNSUPPORTED', `the tokenizer: ${reason}`, { cause });
  }
}

/** What the post-processor puts around any text. */
function specialTokensAround(
  { post_processor: processor, model }: HfTokenizer,
  { post_processor: config }: JsonRecord,
): { readonly before: readonly number[]; readonly behind: readonly number[] } {
  const text = '\u0000';
  const tokens = processor?.post_process([text], null, true).tokens ?? [text];
  const templated = stepsOf(config, 'processors')
    .map(({ special_tokens: special }) => special)
    .filter(isRecord);
  const idsOf = (token: string): readonly number[] => {
    // A template says itself which ids its tokens have.
    const special = templated.map((tokens) => tokens[token]).find(isRecord);
    if (Array.isArray(special?.['ids'])) return special['ids'].map(Number);
    const id = model.tokens_to_ids.get(token);
    if (id === undefined) throw new TokenizerError('TOKENIZER_FILES', `${token} is no token`);
    return [id];
  };
  const at = tokens.indexOf(text);
  return {
    before: tokens.slice(0, at).flatMap(idsOf),
    behind: tokens.slice(at + 1).flatMap(idsOf),
  };
}
