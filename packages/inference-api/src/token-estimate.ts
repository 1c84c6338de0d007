// SPDX-License-Identifier: Apache-2.0

/** Bytes of text that stand for one token where no tokenizer is at hand. */
export const BYTES_PER_ESTIMATED_TOKEN = 4;

/**
 * Pseudo tokens of a text: every four bytes of UTF-8 read as one little-endian 32-bit number, the last
 * one padded with zero bytes. Texts that share a prefix share the tokens of all whole groups in it, which is
 * all that prefix matching needs. This is the `estimate` backend of llm-d's `token-producer`.
 * The tokens may be a view of the text, which must not change as long as they are used.
 */
export function estimateTokens(text: Uint8Array): Uint32Array {
  const count = Math.ceil(text.length / BYTES_PER_ESTIMATED_TOKEN);
  if (isPadded(text, count * BYTES_PER_ESTIMATED_TOKEN)) {
    return new Uint32Array(text.buffer, text.byteOffset, count);
  }
  const ids = new Uint32Array(count);
  // Through bytes rather than by a view on `text`: its offset need not be aligned.
  new Uint8Array(ids.buffer).set(text);
  return ids;
}

/** Whether a text's memory is aligned and goes on with zeros up to `length` bytes, as that of a parsed prompt does. */
function isPadded({ buffer, byteOffset, length: used }: Uint8Array, length: number): boolean {
  if (byteOffset % BYTES_PER_ESTIMATED_TOKEN !== 0 || byteOffset + length > buffer.byteLength) {
    return false;
  }
  return new Uint8Array(buffer, byteOffset + used, length - used).every((byte) => byte === 0);
}
