// SPDX-License-Identifier: Apache-2.0
import { TokenizerError } from '../tokenizer-error.ts';

/** An object of JSON of which nothing is known yet. */
export type JsonRecord = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const recordsOf = (value: unknown): readonly JsonRecord[] =>
  Array.isArray(value) ? value.filter(isRecord) : [];

/** A step of a `tokenizer.json`, or those that a sequence is made of. */
export function stepsOf(step: unknown, members: string): readonly JsonRecord[] {
  if (!isRecord(step)) return [];
  return step['type'] === 'Sequence'
    ? recordsOf(step[members]).flatMap((inner) => stepsOf(inner, members))
    : [step];
}

/** A token that is found in text before anything else happens to it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** It takes white space before it along. */
  readonly lstrip: boolean;
  /** It takes white space behind it along. */
  readonly rstrip: boolean;
  /** It is looked for in normalized text. */
  readonly normalized: boolean;
}

/**
 * The added tokens of a `tokenizer.json`, and those that only its `tokenizer_config.json` has, as transformers takes
 * them together; as the objects they are in the files.
 */
export function addedTokenRecords(tokenizerJson: JsonRecord, config: JsonRecord): JsonRecord[] {
  const own = recordsOf(tokenizerJson['added_tokens']);
  const known = new Set(own.map(({ content }) => content));
  const more = isRecord(config['added_tokens_decoder']) ? config['added_tokens_decoder'] : {};
  const added = Object.entries(more).flatMap(([id, token]) =>
    isRecord(token) && !known.has(token['content']) ? [{ ...token, id: Number(id) }] : [],
  );
  return [...own, ...added];
}

/** Reads what {@link addedTokenRecords} found. Throws a {@link TokenizerError} for what is none. */
export function addedTokenOf(record: JsonRecord): AddedToken {
  const { id, content } = record;
  if (typeof id !== 'number' || typeof content !== 'string' || content === '') {
    throw new TokenizerError('TOKENIZER_FILES', 'an added token has no id or no content');
  }
  if (record['single_word'] === true) throw unsupported('an added token that is a single word');
  const isSpecial = record['special'] === true;
  return {
    id,
    content,
    lstrip: record['lstrip'] === true,
    rstrip: record['rstrip'] === true,
    normalized: (record['normalized'] ?? !isSpecial) === true,
  };
}

const unsupported = (what: string): TokenizerError =>
  new TokenizerError('TOKENIZER_UNSUPPORTED', `the tokenizer has ${what}, which is not known here`);

/**
 * Throws a {@link TokenizerError} (`TOKENIZER_UNSUPPORTED`) where the library that runs it would pass over a setting of
 * a tokenizer, or only come near to it.
 */
export function checkSupported(tokenizerJson: JsonRecord): void {
  const { model, normalizer, pre_tokenizer: preTokenizer } = tokenizerJson;
  if (!isRecord(model)) throw new TokenizerError('TOKENIZER_FILES', 'tokenizer.json has no model');
  if ((model['dropout'] ?? null) !== null) throw unsupported('dropout');
  const normalizers = stepsOf(normalizer, 'normalizers');
  if (normalizers.some(({ type }) => type === 'Precompiled')) {
    throw unsupported('a precompiled normalizer');
  }
  const hasNoSpaces = normalizers.some(
    ({ type, pattern }) => type === 'Replace' && isRecord(pattern) && pattern['String'] === ' ',
  );
  for (const { type, behavior, pattern } of stepsOf(preTokenizer, 'pretokenizers')) {
    if (type !== 'Split') continue;
    const isIsolating = behavior === 'Isolated' || behavior === 'Removed';
    const neverCuts = hasNoSpaces && isRecord(pattern) && pattern['String'] === ' ';
    if (!isIsolating && !neverCuts) throw unsupported(`a split that is ${String(behavior)}`);
  }
}
