// SPDX-License-Identifier: Apache-2.0

const LENGTH_DELIMITED = 2;

/**
 * Writes a Protocol Buffers message from its end to its beginning, so that the length of what is inside is known when
 * it is to be written. Fields are written in the opposite order.
 */
export class BackwardWriter {
  readonly #bytes: Buffer;
  #at: number;

  /** A message of at most `maxBytes` bytes. */
  constructor(maxBytes: number) {
    this.#bytes = Buffer.allocUnsafe(maxBytes);
    this.#at = maxBytes;
  }

  /** Bytes written so far: what {@link enclose} needs to know of the time before an inner message. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** Makes everything written since `length` was `before` the payload of a field. */
  enclose(field: number, before: number): void {
    this.#varint(this.length - before);
    this.#bytes[--this.#at] = (field << 3) | LENGTH_DELIMITED;
  }

  flag(field: number): void {
    this.#bytes[--this.#at] = 1;
    this.#bytes[--this.#at] = field << 3;
  }

  /** A field of text in UTF-8; at most three bytes for each of its UTF-16 units. */
  text(field: number, text: string): void {
    const before = this.length;
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = text.length - 1; i >= 0; i--) {
      const unit = text.charCodeAt(i);
      if (unit < 0x80) bytes[--at] = unit;
      else {
        at = this.#at - Buffer.byteLength(text);
        bytes.write(text, at);
        break;
      }
    }
    this.#at = at;
    this.enclose(field, before);
  }

  /** The message. Nothing may be written after this. */
  finish(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  #varint(value: number): void {
    const bytes = this.#bytes;
    let last = this.#at - 1;
    for (let rest = value; rest >= 0x80; rest >>>= 7) last--;
    this.#at = last;
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) {
      bytes[last++] = (rest & 0x7f) | 0x80;
    }
    bytes[last] = rest;
  }
}
