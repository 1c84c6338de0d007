// SPDX-License-Identifier: Apache-2.0
import { KvEventDamageError, KvEventDecodeError } from './kv-event-decode-error.ts';
import { StringInterner } from './string-interner.ts';

/** What kind of value comes next. */
export type MsgpackKind =
  'integer' | 'float' | 'nil' | 'boolean' | 'string' | 'binary' | 'array' | 'map' | 'extension';

/**
 * Reads MessagePack where the caller says which type comes next. Numbers of 64 bits come as two halves, so that nothing
 * is allocated for them. Throws {@link KvEventDecodeError} at a value of another type, without having moved, and
 * {@link KvEventDamageError} where the bytes end too soon or are no MessagePack.
 */
export class MsgpackReader {
  /** Low and high half of the last integer read, in two's complement. */
  low = 0;
  high = 0;
  #bytes: Uint8Array = NOTHING;
  #view: DataView = new DataView(NOTHING.buffer);
  #at = 0;
  #end = 0;
  readonly #strings = new StringInterner();

  /** Starts at the beginning of `bytes`, which must not change before reading ends. */
  open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#end = bytes.length;
  }

  /** Lets go of the bytes. */
  close(): void {
    this.open(NOTHING);
  }

  get offset(): number {
    return this.#at;
  }

  /** Goes to a place that was an `offset` before. */
  seek(offset: number): void {
    this.#at = offset;
  }

  get atEnd(): boolean {
    return this.#at === this.#end;
  }

  kind(): MsgpackKind {
    const head = this.#head('a value');
    if (head <= 0x7f || head >= 0xe0) return 'integer';
    if (head <= 0x8f) return 'map';
    if (head <= 0x9f) return 'array';
    if (head <= 0xbf) return 'string';
    const kind = KINDS[head - 0xc0];
    if (kind === undefined) throw new KvEventDamageError(this.#at, 'a value', describe(head));
    return kind;
  }

  /** Moves past nil if it is next. */
  nil(): boolean {
    if (this.#at >= this.#end || this.#bytes[this.#at] !== 0xc0) return false;
    this.#at++;
    return true;
  }

  /** Elements of the array whose head is next. */
  arrayLength(expected: string): number {
    const head = this.#head(expected);
    if (head >= 0x90 && head <= 0x9f) return this.#counted(head & 15, 1, 1, expected);
    if (head === 0xdc) return this.#counted(this.#u16(1, expected), 3, 1, expected);
    if (head === 0xdd) return this.#counted(this.#u32(1, expected), 5, 1, expected);
    throw this.mismatch(expected);
  }

  /** Entries of the map whose head is next. */
  mapLength(expected: string): number {
    const head = this.#head(expected);
    if (head >= 0x80 && head <= 0x8f) return this.#counted(head & 15, 1, 2, expected);
    if (head === 0xde) return this.#counted(this.#u16(1, expected), 3, 2, expected);
    if (head === 0xdf) return this.#counted(this.#u32(1, expected), 5, 2, expected);
    throw this.mismatch(expected);
  }

  /** A number without a fraction or with one, as a double; 64-bit integers lose precision beyond 2⁵³. */
  number(expected: string): number {
    const head = this.#head(expected);
    if (head === 0xcb) {
      this.#need(9, expected);
      const value = this.#view.getFloat64(this.#at + 1);
      this.#at += 9;
      return value;
    }
    if (head === 0xca) {
      this.#need(5, expected);
      const value = this.#view.getFloat32(this.#at + 1);
      this.#at += 5;
      return value;
    }
    this.integer(expected);
    return (this.high | 0) * 2 ** 32 + this.low;
  }

  /** Reads an integer of any width and sign into {@link low} and {@link high}. */
  integer(expected: string): void {
    const head = this.#head(expected);
    if (head === 0xcf || head === 0xd3) {
      this.#need(9, expected);
      this.high = this.#raw32(this.#at + 1);
      this.low = this.#raw32(this.#at + 5);
      this.#at += 9;
    } else if (head <= 0x7f) {
      this.#small(head, 1);
    } else if (head >= 0xe0) {
      this.#small(head - 256, 1);
    } else {
      this.#narrow(head, expected);
    }
  }

  /** An integer from 0 to 2³² − 1. */
  uint32(expected: string): number {
    const start = this.#at;
    const head = this.#head(expected);
    // Token ids come by the thousand; nearly all have one of these three forms.
    if (head <= 0x7f) {
      this.#at = start + 1;
      return head;
    }
    if (head === 0xcd && start + 3 <= this.#end) {
      this.#at = start + 3;
      return ((this.#bytes[start + 1] as number) << 8) | (this.#bytes[start + 2] as number);
    }
    if (head === 0xce && start + 5 <= this.#end) {
      this.#at = start + 5;
      return this.#raw32(start + 1);
    }
    this.integer(expected);
    if (this.high === 0) return this.low;
    this.#at = start;
    throw this.mismatch(expected);
  }

  string(expected: string): string {
    const head = this.#head(expected);
    if (head >= 0xa0 && head <= 0xbf) return this.#text(head & 31, 1, expected);
    if (head === 0xd9) return this.#text(this.#u8(1, expected), 2, expected);
    if (head === 0xda) return this.#text(this.#u16(1, expected), 3, expected);
    if (head === 0xdb) return this.#text(this.#u32(1, expected), 5, expected);
    throw this.mismatch(expected);
  }

  /** Moves to the content of a binary whose head is next, and returns its length. */
  enterBinary(expected: string): number {
    const head = this.#head(expected);
    if (head === 0xc4) return this.#enter(this.#u8(1, expected), 2, expected);
    if (head === 0xc5) return this.#enter(this.#u16(1, expected), 3, expected);
    if (head === 0xc6) return this.#enter(this.#u32(1, expected), 5, expected);
    throw this.mismatch(expected);
  }

  /** Reads the last eight bytes of a binary, big-endian, into {@link low} and {@link high}; shorter ones count as small. */
  binaryTail(expected: string): void {
    const start = this.#at;
    const length = this.enterBinary(expected);
    if (length === 0) {
      this.#at = start;
      throw this.mismatch(expected);
    }
    const end = this.#at + length;
    this.low = 0;
    this.high = 0;
    for (let at = Math.max(this.#at, end - 8); at < end; at++) {
      this.high = ((this.high << 8) | (this.low >>> 24)) >>> 0;
      this.low = ((this.low << 8) | (this.#bytes[at] as number)) >>> 0;
    }
    this.#at = end;
  }

  /** Moves past one value with all that it contains. */
  skip(): void {
    for (let pending = 1; pending > 0; pending--) {
      const kind = this.kind();
      if (kind === 'array') pending += this.arrayLength('an array');
      else if (kind === 'map') pending += 2 * this.mapLength('a map');
      else this.#skipScalar(kind);
    }
  }

  /** The error that says what is here instead of what was expected. */
  mismatch(expected: string): KvEventDecodeError {
    if (this.#at >= this.#end) return new KvEventDamageError(this.#at, expected, 'the end');
    return new KvEventDecodeError(this.#at, expected, describe(this.#bytes[this.#at] as number));
  }

  #skipScalar(kind: MsgpackKind): void {
    if (kind === 'integer') this.integer('an integer');
    else if (kind === 'float') this.number('a float');
    else if (kind === 'binary') this.#advance(this.enterBinary('a binary'));
    else if (kind === 'string') this.string('a string');
    else if (kind === 'extension') this.#skipExtension();
    else this.#at++;
  }

  #skipExtension(): void {
    const what = 'an extension';
    const head = this.#head(what);
    if (head >= 0xd4) this.#advance(this.#enter(1 << (head - 0xd4), 2, what));
    else if (head === 0xc7) this.#advance(this.#enter(this.#u8(1, what), 3, what));
    else if (head === 0xc8) this.#advance(this.#enter(this.#u16(1, what), 4, what));
    else this.#advance(this.#enter(this.#u32(1, what), 6, what));
  }

  #advance(bytes: number): void {
    this.#at += bytes;
  }

  #narrow(head: number, expected: string): void {
    if (head === 0xcc) this.#small(this.#u8(1, expected), 2);
    else if (head === 0xcd) this.#small(this.#u16(1, expected), 3);
    else if (head === 0xce) {
      this.low = this.#u32(1, expected);
      this.high = 0;
      this.#at += 5;
    } else if (head === 0xd0) this.#small((this.#u8(1, expected) << 24) >> 24, 2);
    else if (head === 0xd1) this.#small((this.#u16(1, expected) << 16) >> 16, 3);
    else if (head === 0xd2) this.#small(this.#u32(1, expected) | 0, 5);
    else throw this.mismatch(expected);
  }

  #small(value: number, bytes: number): void {
    this.low = value >>> 0;
    this.high = value < 0 ? 0xffffffff : 0;
    this.#at += bytes;
  }

  #text(length: number, headBytes: number, expected: string): string {
    const start = this.#at + headBytes;
    this.#enter(length, headBytes, expected);
    this.#at = start + length;
    return this.#strings.text(this.#bytes, start, this.#at);
  }

  /** Moves past a head to `length` bytes that must exist. */
  #enter(length: number, headBytes: number, expected: string): number {
    this.#need(headBytes + length, expected);
    this.#at += headBytes;
    return length;
  }

  /** A count of elements, each of which takes at least `least` bytes: a larger one cannot be true. */
  #counted(count: number, headBytes: number, least: number, expected: string): number {
    if (this.#at + headBytes + count * least > this.#end) {
      throw new KvEventDamageError(this.#at, `${expected} of ${count} elements`, 'the end before');
    }
    this.#at += headBytes;
    return count;
  }

  #head(expected: string): number {
    if (this.#at >= this.#end) throw new KvEventDamageError(this.#at, expected, 'the end');
    return this.#bytes[this.#at] as number;
  }

  #need(bytes: number, expected: string): void {
    if (this.#at + bytes > this.#end) {
      throw new KvEventDamageError(this.#end, `${expected} of ${bytes} bytes`, 'the end');
    }
  }

  #u8(after: number, expected: string): number {
    this.#need(after + 1, expected);
    return this.#bytes[this.#at + after] as number;
  }

  #u16(after: number, expected: string): number {
    this.#need(after + 2, expected);
    return this.#view.getUint16(this.#at + after);
  }

  #u32(after: number, expected: string): number {
    this.#need(after + 4, expected);
    return this.#raw32(this.#at + after);
  }

  #raw32(at: number): number {
    return this.#view.getUint32(at);
  }
}

const NOTHING = new Uint8Array(0);

/** Kinds of the heads 0xc0 to 0xdf; 0xc1 is never used. */
const KINDS: readonly (MsgpackKind | undefined)[] = [
  ...(['nil', undefined, 'boolean', 'boolean', 'binary', 'binary', 'binary'] as const),
  ...(['extension', 'extension', 'extension', 'float', 'float'] as const),
  ...Array<MsgpackKind>(8).fill('integer'),
  ...Array<MsgpackKind>(5).fill('extension'),
  ...(['string', 'string', 'string', 'array', 'array', 'map', 'map'] as const),
];

function describe(head: number): string {
  const hex = `0x${head.toString(16).padStart(2, '0')}`;
  if (head <= 0x7f || head >= 0xe0) return `the integer ${head <= 0x7f ? head : head - 256}`;
  const kind =
    head <= 0x8f ? 'map' : head <= 0x9f ? 'array' : head <= 0xbf ? 'string' : KINDS[head - 0xc0];
  return kind === undefined ? `the unused byte ${hex}` : `${kind} (${hex})`;
}
