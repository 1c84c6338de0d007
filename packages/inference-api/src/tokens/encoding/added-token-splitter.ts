// SPDX-License-Identifier: Apache-2.0
import type { AddedToken } from './tokenizer-json.ts';

/** A stretch of text: an added token, or what stands between two of them. */
export interface Section {
  readonly start: number;
  /** Behind its last character. */
  readonly end: number;
  /** Undefined: the text from `start` to `end`. */
  readonly token: AddedToken | undefined;
}

/** Finds added tokens as Rust's `tokenizers` does: leftmost first, of those the longest, with the white space they take. */
export type AddedTokenSplitter = (text: string) => Iterable<Section>;

const TRAILING_SPACE = /\p{White_Space}+$/u;
const LEADING_SPACE = /\p{White_Space}*/uy;

/** A splitter for these tokens; empty stretches are left out. */
export function createAddedTokenSplitter(tokens: readonly AddedToken[]): AddedTokenSplitter {
  if (tokens.length === 0) return wholeText;
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  // Of alternatives the first that matches is taken.
  const contents = [...byContent.keys()].toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(contents.map(literally).join('|'), 'g');
  return function* (text) {
    let from = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const token = byContent.get(content);
      // Within the white space that the token before took along.
      if (token === undefined || index < from) continue;
      const start = token.lstrip ? startOfSpace(text, from, index) : index;
      const end = token.rstrip ? endOfSpace(text, index + content.length) : index + content.length;
      if (start > from) yield { start: from, end: start, token: undefined };
      yield { start, end, token };
      from = end;
    }
    if (from < text.length) yield { start: from, end: text.length, token: undefined };
  };
}

const literally = (text: string): string => text.replace(/[\^$.*+?()[\]{}|/]/g, '\\$&');

function* wholeText(text: string): Generator<Section> {
  if (text !== '') yield { start: 0, end: text.length, token: undefined };
}

function startOfSpace(text: string, from: number, until: number): number {
  return from + (TRAILING_SPACE.exec(text.slice(from, until))?.index ?? until - from);
}

function endOfSpace(text: string, from: number): number {
  LEADING_SPACE.lastIndex = from;
  LEADING_SPACE.test(text);
  return LEADING_SPACE.lastIndex;
}
