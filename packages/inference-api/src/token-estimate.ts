// SPDX-License-Identifier: Apache-2.0

/** Bytes of text that stand for one token where no tokenizer is at hand. */
export const BYTES_PER_ESTIMATED_TOKEN = 4;

/**
 * Pseudo tokens of a text: every four bytes of UTF-8 read as one little-endian 32-bit number, the last
 * one padded with zero bytes. Texts that share a prefix share the tokens of all whole groups in it, which is
 * all that prefix matching needs. This is the `estimate` backend of llm-d's `token-producer`.
 */
export function estimateTokens(text: Uint8Array): Uint32Array {
  const ids = new Uint32Array(Math.ceil(text.length / BYTES_PER_ESTIMATED_TOKEN));
  // Through bytes rather than by a view on `text`: its offset need not be aligned.
  new Uint8Array(ids.buffer).set(text);
  return ids;
}
