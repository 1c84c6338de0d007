// SPDX-License-Identifier: Apache-2.0

const FIRST_BYTES = 4096;

/** Writes MessagePack as msgspec does: every number in its shortest form. Grows as needed and can be used again. */
export class MsgpackWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  /** Begins anew. */
  reset(): void {
    this.#length = 0;
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  nil(): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = 0xc0;
  }

  array(length: number): void {
    this.#header(length, 15, 0x90, 0xdc);
  }

  map(length: number): void {
    this.#header(length, 15, 0x80, 0xde);
  }

  double(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#length] = 0xcb;
    this.#bytes.writeDoubleBE(value, this.#length + 1);
    this.#length += 9;
  }

  /** A whole number of at most 32 bits, signed or not. */
  integer(value: number): void {
    if (value < 0) this.int64(value >>> 0, 0xffffffff);
    else this.uint32(value);
  }

  uint32(value: number): void {
    this.#reserve(5);
    const bytes = this.#bytes;
    let at = this.#length;
    if (value < 0x80) bytes[at++] = value;
    else if (value < 0x100) {
      bytes[at++] = 0xcc;
      bytes[at++] = value;
    } else if (value < 0x10000) {
      bytes[at++] = 0xcd;
      bytes[at++] = value >>> 8;
      bytes[at++] = value;
    } else {
      bytes[at++] = 0xce;
      this.#length = at;
      this.#word(value);
      return;
    }
    this.#length = at;
  }

  uint64(low: number, high: number): void {
    if (high === 0) {
      this.uint32(low);
      return;
    }
    this.#long(0xcf, low, high);
  }

  /** The 64 bits as a signed number. */
  int64(low: number, high: number): void {
    if (high < 0x80000000) {
      this.uint64(low, high);
      return;
    }
    const small = high === 0xffffffff && low >= 0x80000000 ? low | 0 : NaN;
    this.#reserve(5);
    if (small >= -0x20) this.#bytes[this.#length++] = small & 0xff;
    else if (small >= -0x80) {
      this.#bytes[this.#length] = 0xd0;
      this.#length = this.#bytes.writeInt8(small, this.#length + 1);
    } else if (small >= -0x8000) {
      this.#bytes[this.#length] = 0xd1;
      this.#length = this.#bytes.writeInt16BE(small, this.#length + 1);
    } else if (small >= -0x80000000) {
      this.#bytes[this.#length] = 0xd2;
      this.#length = this.#bytes.writeInt32BE(small, this.#length + 1);
    } else this.#long(0xd3, low, high);
  }

  string(text: string): void {
    if (text.length < 0x20 && this.#shortAscii(text)) return;
    const bytes = Buffer.byteLength(text);
    if (bytes >= 0x20 && bytes < 0x100) this.#sized(0xd9, bytes, 1);
    else this.#header(bytes, 31, 0xa0, 0xda);
    this.#reserve(bytes);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** Names of fields and the like are many, and a call of native code costs more than writing them. */
  #shortAscii(text: string): boolean {
    const { length } = text;
    this.#reserve(1 + length);
    const bytes = this.#bytes;
    const at = this.#length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return false;
      bytes[at + 1 + i] = code;
    }
    bytes[at] = 0xa0 | length;
    this.#length = at + 1 + length;
    return true;
  }

  /** `copies` times the eight bytes of a number, most significant first. At most 31 copies. */
  binary64(low: number, high: number, copies: number): void {
    this.#sized(0xc4, 8 * copies, 1);
    this.#reserve(8 * copies);
    for (let i = 0; i < copies; i++) {
      this.#word(high);
      this.#word(low);
    }
  }

  #header(length: number, most: number, short: number, long: number): void {
    if (length <= most) {
      this.#reserve(1);
      this.#bytes[this.#length++] = short | length;
    } else if (length < 0x10000) this.#sized(long, length, 2);
    else this.#sized(long + 1, length, 4);
  }

  #sized(code: number, length: number, width: number): void {
    this.#reserve(1 + width);
    this.#bytes[this.#length] = code;
    this.#length = this.#bytes.writeUIntBE(length, this.#length + 1, width);
  }

  #long(code: number, low: number, high: number): void {
    this.#reserve(9);
    this.#bytes[this.#length++] = code;
    this.#word(high);
    this.#word(low);
  }

  #word(value: number): void {
    const bytes = this.#bytes;
    const at = this.#length;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.#length = at + 4;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
