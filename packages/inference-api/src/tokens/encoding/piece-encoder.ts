// SPDX-License-Identifier: Apache-2.0
import {
  ByteLevelPreTokenizer,
  SequencePreTokenizer,
  type HfTokenizer,
  type PreTokenizer,
} from './hf-tokenizers.ts';
import type { TokenList } from './token-list.ts';
import { stepsOf, type JsonRecord } from './tokenizer-json.ts';

/** Appends the tokens of normalized text without added tokens. `isFirst`: the whole text begins with it. */
export type PieceEncoder = (text: string, isFirst: boolean, into: TokenList) => void;

/** GPT-2's way of cutting text, which `ByteLevel` has built in. */
const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
/** Longer pieces are rarely seen again. */
const LONGEST_KEPT = 64;
/** Pieces of one generation; two are kept. */
const GENERATION_PIECES = 32_768;

/**
 * Encodes piece by piece and remembers the pieces, since text consists of few words. Pieces are independent of each
 * other: that is what pre-tokenizers are for.
 */
export function createPieceEncoder(
  tokenizer: HfTokenizer,
  tokenizerJson: JsonRecord,
): PieceEncoder {
  const { model } = tokenizer;
  const { cut, spell } = planOf(tokenizer, tokenizerJson);
  const encodePiece = (piece: string): Uint32Array => {
    const ids = model
      ._call(spell(piece))
      .map((token) => model.tokens_to_ids.get(token) ?? model.unk_token_id ?? 0);
    return Uint32Array.from(ids);
  };
  let young = new Map<string, number | Uint32Array>();
  let old = young;
  const remember = (piece: string, tokens: number | Uint32Array): void => {
    if (young.size >= GENERATION_PIECES) {
      old = young;
      young = new Map();
    }
    // A part of a long string keeps all of it alive.
    young.set(Buffer.from(piece, 'utf16le').toString('utf16le'), tokens);
  };
  return (text, isFirst, into) => {
    for (const piece of cut(text, isFirst)) {
      const known = young.get(piece);
      if (typeof known === 'number') into.push(known);
      else if (known !== undefined) into.pushAll(known);
      else {
        const before = old.get(piece);
        const ids = before ?? encodePiece(piece);
        const [only] = typeof ids === 'number' ? [ids] : ids;
        const isOne = typeof ids === 'number' || ids.length === 1;
        const tokens = isOne && only !== undefined ? only : ids;
        if (typeof tokens === 'number') into.push(tokens);
        else into.pushAll(tokens);
        if (piece.length <= LONGEST_KEPT) remember(piece, tokens);
      }
    }
  };
}

interface Plan {
  readonly cut: (text: string, isFirst: boolean) => readonly string[];
  /** A piece as the model knows it. */
  readonly spell: (piece: string) => string[];
}

/** Cuts first and writes bytes as letters afterwards, which only pieces that are not known then need. */
function planOf(
  { pre_tokenizer: whole }: HfTokenizer,
  { pre_tokenizer: config }: JsonRecord,
): Plan {
  if (whole === null) return { cut: (text) => [text], spell: (piece) => [piece] };
  const steps = stepsOf(config, 'pretokenizers');
  const last = steps.at(-1);
  if (last?.['type'] === 'ByteLevel' && last['add_prefix_space'] !== true) {
    const byteLevel = new ByteLevelPreTokenizer({ ...last, use_regex: false });
    const gpt2 = {
      type: 'Split',
      pattern: { Regex: GPT2_PATTERN },
      behavior: 'Isolated',
      invert: false,
    };
    const cutters = [...steps.slice(0, -1), ...(last['use_regex'] === false ? [] : [gpt2])];
    const cutter = new SequencePreTokenizer({ type: 'Sequence', pretokenizers: cutters });
    return {
      cut: (text) => cutter.pre_tokenize(text),
      spell: (piece) => byteLevel.pre_tokenize(piece),
    };
  }
  const splitsWords = last?.['type'] === 'Metaspace' && last['split'] !== false;
  return {
    cut: splitsWords
      ? (text, isFirst) => words(pieces(whole, text, isFirst), last)
      : (text, isFirst) => pieces(whole, text, isFirst),
    spell: (piece) => [piece],
  };
}

const pieces = (whole: PreTokenizer, text: string, isFirst: boolean): readonly string[] =>
  whole.pre_tokenize(text, { section_index: isFirst ? 0 : 1 });

/** Metaspace begins a piece at every mark, which the library leaves out. */
function words(pieces: readonly string[], { replacement }: JsonRecord): readonly string[] {
  const mark = typeof replacement === 'string' ? replacement : '▁';
  return pieces.flatMap((piece) => {
    const cut: string[] = [];
    let from = 0;
    for (let at = piece.indexOf(mark, 1); at !== -1; at = piece.indexOf(mark, at + 1)) {
      cut.push(piece.slice(from, at));
      from = at;
    }
    cut.push(piece.slice(from));
    return cut;
  });
}
