// SPDX-License-Identifier: Apache-2.0

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;

/** Bytes written past `used` by a four-byte store; the capacity always leaves room for them. */
const SLACK_BYTES = 8;

/**
 * Flags, in the high bit of each byte, those bytes of a little-endian word that end a run inside a JSON string:
 * a quote, a backslash or a control character. Only the lowest flag is exact, which is the only one asked for.
 * Flipping bit 1 puts the quote (0x22) beside the control characters, so that one subtraction finds both.
 */
function runEndMask(word: number): number {
  return (
    (((word ^ 0x02020202) - 0x21212121) | ((word ^ 0x5c5c5c5c) - 0x01010101)) & ~word & 0x80808080
  );
}

function lowestFlaggedByte(mask: number): number {
  return (31 - Math.clz32(mask & -mask)) >> 3;
}

function endsRun(byte: number): boolean {
  return byte === QUOTE || byte === BACKSLASH || byte < FIRST_PRINTABLE;
}

/** For each byte that may follow a backslash, apart from `u`, the character that both stand for; else 0. */
const simpleEscapes = new Uint8Array(256);
for (const [escape, character] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  simpleEscapes[(escape as string).charCodeAt(0)] = (character as string).charCodeAt(0);
}

/** What a backslash and this byte stand for; 0 if they begin a `\u` escape or are none. */
export function simpleEscape(byte: number): number {
  return simpleEscapes[byte] as number;
}

/** A view of the same bytes for word-wise reading. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The index of the first byte at or after `from` that a run of string content cannot pass, else the length: the closing
 * quote, a control character, or a backslash that is not followed by the rest of a simple escape.
 */
export function findRunEnd(view: DataView, from: number): number {
  const length = view.byteLength;
  const lastWord = length - 4;
  let at = from;
  while (at < length) {
    for (; at <= lastWord; at += 4) {
      const mask = runEndMask(view.getInt32(at, true));
      if (mask !== 0) {
        at += lowestFlaggedByte(mask);
        break;
      }
    }
    if (at === length) break;
    const byte = view.getUint8(at);
    if (!endsRun(byte)) at++;
    else if (byte !== BACKSLASH || at + 1 === length || simpleEscape(view.getUint8(at + 1)) === 0) {
      break;
    } else at += 2;
  }
  return at;
}

const NOTHING = Buffer.alloc(0);
const VIEW_OF_NOTHING = viewOf(NOTHING);

/** A growing byte buffer for unescaped JSON strings. `bytes` is replaced when it grows. */
export class TextBuffer {
  bytes: Buffer = NOTHING;
  /** Bytes in use; setting it back drops what was appended since. */
  used = 0;
  /** Bytes for which there will be room at once when more is needed. */
  sizeHint = 0;
  #view: DataView = VIEW_OF_NOTHING;

  /** Makes room for `count` more bytes, so that appending that many needs no check. */
  reserve(count: number): void {
    const needed = this.used + count + SLACK_BYTES;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.used * 2, this.sizeHint + SLACK_BYTES));
    this.bytes.copy(grown, 0, 0, this.used);
    this.bytes = grown;
    this.#view = viewOf(grown);
  }

  /**
   * Appends string content from `from` on, simple escapes replaced, and returns where the run ended as
   * {@link findRunEnd} does. The caller has reserved the rest of `source`.
   */
  appendRun(source: DataView, from: number): number {
    const target = this.#view;
    const length = source.byteLength;
    const lastWord = length - 4;
    let at = from;
    let to = this.used;
    while (at < length) {
      for (; at <= lastWord; at += 4, to += 4) {
        const word = source.getInt32(at, true);
        target.setInt32(to, word, true);
        const mask = runEndMask(word);
        if (mask !== 0) {
          const kept = lowestFlaggedByte(mask);
          at += kept;
          to += kept;
          break;
        }
      }
      if (at === length) break;
      const byte = source.getUint8(at);
      if (!endsRun(byte)) {
        target.setUint8(to++, byte);
        at++;
        continue;
      }
      if (byte !== BACKSLASH || at + 1 === length) break;
      const character = simpleEscape(source.getUint8(at + 1));
      if (character === 0) break;
      target.setUint8(to++, character);
      at += 2;
    }
    this.used = to;
    return at;
  }

  /** Appends one byte; the caller has reserved it. */
  appendByte(byte: number): void {
    this.bytes[this.used++] = byte;
  }

  /** Appends a code point as UTF-8; the caller has reserved its bytes. */
  appendCodePoint(codePoint: number): void {
    if (codePoint < 0x80) {
      this.appendByte(codePoint);
      return;
    }
    if (codePoint < 0x800) {
      this.appendByte(0xc0 | (codePoint >> 6));
    } else {
      if (codePoint < 0x10000) {
        this.appendByte(0xe0 | (codePoint >> 12));
      } else {
        this.appendByte(0xf0 | (codePoint >> 18));
        this.appendByte(0x80 | ((codePoint >> 12) & 0x3f));
      }
      this.appendByte(0x80 | ((codePoint >> 6) & 0x3f));
    }
    this.appendByte(0x80 | (codePoint & 0x3f));
  }

  /** Appends any bytes. */
  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.used);
    this.used += source.length;
  }

  /** Whether the bytes from `start` on are exactly these. */
  endsWith(start: number, expected: Uint8Array): boolean {
    if (this.used - start !== expected.length) return false;
    const bytes = this.bytes;
    for (let index = 0; index < expected.length; index++) {
      if (bytes[start + index] !== expected[index]) return false;
    }
    return true;
  }

  /** The bytes from `start` on as a string. */
  stringFrom(start: number): string {
    return this.bytes.toString('utf8', start, this.used);
  }
}
