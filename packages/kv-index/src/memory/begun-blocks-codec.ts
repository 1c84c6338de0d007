// SPDX-License-Identifier: Apache-2.0
import type { PartialBlock } from './partial-blocks.ts';

/** Tokens, engine hashes, parent (two words), bytes of the extra keys. */
const HEAD_WORDS = 5;

/** Begun blocks as words, the oldest first. Extra keys are JSON, filled up with spaces; none take no space. */
export function writeBegun(blocks: Iterable<PartialBlock>): Uint32Array {
  const parts = Array.from(blocks, (block) => ({ block, extras: extrasOf(block) }));
  const words = parts.reduce((sum, part) => sum + wordsOf(part), 0);
  const to = new Uint32Array(words);
  let at = 0;
  for (const part of parts) {
    const { block, extras } = part;
    const { tokens, hashes, parent } = block;
    to.set([tokens.length, hashes.length, parent.low, parent.high, extras.length], at);
    to.set(tokens, at + HEAD_WORDS);
    to.set(hashes, at + HEAD_WORDS + tokens.length);
    const behind = 4 * (at + HEAD_WORDS + tokens.length + hashes.length);
    new Uint8Array(to.buffer).set(extras, behind);
    at += wordsOf(part);
  }
  return to;
}

/** Begun blocks out of words; undefined where the words are none. Nothing in them is a view of the words. */
export function readBegun(words: Uint32Array): PartialBlock[] | undefined {
  const blocks: PartialBlock[] = [];
  for (let at = 0; at < words.length;) {
    const [tokens = 0, hashes = 0, low = 0, high = 0, extraBytes = 0] = words.subarray(
      at,
      at + HEAD_WORDS,
    );
    const from = at + HEAD_WORDS;
    const end = from + tokens + hashes + extraBytes / 4;
    if (hashes < 2 || end > words.length || !Number.isInteger(end)) return undefined;
    const extras = readExtras(words.subarray(from + tokens + hashes, end), hashes / 2);
    if (extras === undefined) return undefined;
    blocks.push({
      tokens: words.slice(from, from + tokens),
      hashes: words.slice(from + tokens, from + tokens + hashes),
      extras,
      parent: { low, high },
    });
    at = end;
  }
  return blocks;
}

const wordsOf = ({ block, extras }: { block: PartialBlock; extras: Uint8Array }): number =>
  HEAD_WORDS + block.tokens.length + block.hashes.length + extras.length / 4;

function extrasOf({ extras }: PartialBlock): Uint8Array {
  if (extras.every((list) => list === null)) return new Uint8Array();
  const json = JSON.stringify(extras);
  return Buffer.from(json + ' '.repeat(-Buffer.byteLength(json) & 3));
}

function readExtras(words: Uint32Array, blocks: number): PartialBlock['extras'] | undefined {
  if (words.length === 0) return Array.from({ length: blocks }, () => null);
  const text = Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString();
  const value: unknown = JSON.parse(text);
  return isExtras(value) ? value : undefined;
}

const isExtras = (value: unknown): value is PartialBlock['extras'] =>
  Array.isArray(value) &&
  value.every(
    (list) =>
      list === null || (Array.isArray(list) && list.every((key) => typeof key === 'string')),
  );
