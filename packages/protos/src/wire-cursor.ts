// SPDX-License-Identifier: Apache-2.0

const LENGTH_DELIMITED = 2;

/** Walks over Protocol Buffers as code generators write them; whatever else is valid is not understood. */
export class WireCursor {
  readonly bytes: Buffer;
  at = 0;
  /** Where the payload of the field found last ends. */
  end = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** The number of the length-delimited field that begins here, whose payload then lies from `at` to `end`; else 0. */
  field(limit: number): number {
    const tag = this.bytes[this.at++] ?? 0;
    if (tag >= 0x80 || (tag & 7) !== LENGTH_DELIMITED) return 0;
    const length = this.varint(limit);
    this.end = this.at + length;
    return length >= 0 && this.end <= limit ? tag >> 3 : 0;
  }

  /** The number that is written here, if it is one below 2²⁸; else -1. */
  varint(limit: number): number {
    let value = 0;
    for (let shift = 0; shift < 28 && this.at < limit; shift += 7) {
      const octet = this.bytes[this.at++] ?? 0;
      value |= (octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
    return -1;
  }
}
