// SPDX-License-Identifier: Apache-2.0
import { isUtf8 } from 'node:buffer';

const LONGEST_SEQUENCE = 4;

/** Length of the sequence that a lead byte announces; 1 for anything that is no lead byte. */
function sequenceLength(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

/** How many bytes at the end of `bytes` begin a sequence that needs more bytes than are there. */
function incompleteTail(bytes: Uint8Array): number {
  const furthest = Math.min(LONGEST_SEQUENCE - 1, bytes.length);
  for (let back = 1; back <= furthest; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return sequenceLength(byte) > back ? back : 0;
  }
  return 0;
}

/** Offset of the first sequence that is not UTF-8. Only called when there is one. */
function firstInvalid(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at] as number);
    if (!isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return bytes.length;
}

/**
 * Checks that chunks together are UTF-8 (no overlong forms, no surrogates), whatever sequence their borders cut.
 * Costs one native pass over each chunk.
 */
export class Utf8Validator {
  /** A sequence that the last chunks began; `#carried` of its bytes are known. */
  readonly #carry = new Uint8Array(LONGEST_SEQUENCE);
  #carried = 0;
  #offset = 0;

  /** Returns the offset, counted over all chunks, of the first invalid sequence, or -1. */
  push(chunk: Uint8Array): number {
    let from = 0;
    if (this.#carried > 0) {
      const needed = sequenceLength(this.#carry[0] as number);
      while (this.#carried < needed && from < chunk.length) {
        this.#carry[this.#carried++] = chunk[from++] as number;
      }
      if (this.#carried < needed) return this.#advance(chunk);
      if (!isUtf8(this.#carry.subarray(0, needed))) return this.#offset + from - needed;
      this.#carried = 0;
    }
    const tail = incompleteTail(from === 0 ? chunk : chunk.subarray(from));
    const body =
      from === 0 && tail === 0 ? chunk : chunk.subarray(from, Math.max(from, chunk.length - tail));
    if (!isUtf8(body)) return this.#offset + from + firstInvalid(body);
    this.#carry.set(chunk.subarray(chunk.length - tail));
    this.#carried = tail;
    return this.#advance(chunk);
  }

  /** Returns the offset of a sequence that the end cut short, or -1. */
  end(): number {
    return this.#carried > 0 ? this.#offset - this.#carried : -1;
  }

  #advance(chunk: Uint8Array): -1 {
    this.#offset += chunk.length;
    return -1;
  }
}
