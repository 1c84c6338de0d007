// SPDX-License-Identifier: Apache-2.0
import { findRunEnd, simpleEscape, viewOf } from './text-buffer.ts';
import type { TextBuffer } from './text-buffer.ts';

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';

/**
 * What the scanner tells while it walks a document. Offsets count bytes over all chunks.
 * Nothing is told about the inside of a value whose `begin` returned false; its `end` is.
 */
export interface JsonVisitor {
  /** A member's key, unescaped: the bytes of `text` from `start` to `text.used`. `offset` is its opening quote. */
  key(text: TextBuffer, start: number, offset: number): void;
  /**
   * A value begins at `offset`. True reads it: members and items of a container are visited, a string is unescaped
   * and appended to the scanner's text, a number gets its value. False checks it only.
   */
  begin(kind: JsonKind, offset: number): boolean;
  /**
   * The value that began last and has not ended yet ends before `end`. `value` is that of a read number, 0 or 1 for a
   * boolean, else 0. What a read string appended stays in the text until the visitor sets `text.used` back.
   */
  end(kind: JsonKind, end: number, value: number): void;
}

/** Why a document is not JSON, or not JSON that this scanner walks. */
export interface JsonFailure {
  readonly code: 'invalid_json' | 'nesting_too_deep';
  readonly message: string;
  readonly offset: number;
}

export interface JsonScannerOptions {
  readonly visitor: JsonVisitor;
  /** Takes the unescaped strings. */
  readonly text: TextBuffer;
  /** Containers inside one another that are still accepted. */
  readonly maxDepth: number;
}

/** Where the scanner stands. From `string` on it is inside a token that a chunk border may have cut. */
const State = {
  value: 0,
  firstItem: 1,
  firstKey: 2,
  nextKey: 3,
  colon: 4,
  separator: 5,
  done: 6,
  string: 7,
  number: 8,
  literal: 9,
} as const;
type State = (typeof State)[keyof typeof State];

const expectation: Readonly<Record<number, string>> = {
  [State.value]: 'a value',
  [State.firstItem]: "a value or ']'",
  [State.firstKey]: "a key or '}'",
  [State.nextKey]: 'a key',
  [State.colon]: "':'",
  [State.done]: 'the end of the document',
};

/** Where a number stands: what has been read of it last. */
const Num = { minus: 0, zero: 1, int: 2, dot: 3, fraction: 4, e: 5, sign: 6, exponent: 7 } as const;
type Num = (typeof Num)[keyof typeof Num];

/** Integers of up to this many digits are exact when summed up digit by digit. */
const EXACT_DIGITS = 15;

/** Numbers with fewer digits stay small integers. */
const SHORT_DIGITS = 10;

const NOTHING = new Uint8Array(0);
const VIEW_OF_NOTHING = viewOf(NOTHING);

const REPLACEMENT = 0xfffd;
const REPLACEMENT_BYTES = 3;

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

function describe(byte: number): string {
  return byte > 0x20 && byte < 0x7f
    ? `'${String.fromCharCode(byte)}'`
    : `byte 0x${byte.toString(16).padStart(2, '0')}`;
}

/** The state after `byte` of a number, or -1 if the number does not go on with it. */
function nextInNumber(state: Num, byte: number): Num | -1 {
  if (byte >= 0x30 && byte <= 0x39) {
    switch (state) {
      case Num.minus:
        return byte === 0x30 ? Num.zero : Num.int;
      case Num.zero:
        return -1;
      case Num.dot:
        return Num.fraction;
      case Num.e:
      case Num.sign:
        return Num.exponent;
      default:
        return state;
    }
  }
  if (byte === 0x2e) return state === Num.zero || state === Num.int ? Num.dot : -1;
  if (byte === 0x65 || byte === 0x45) {
    return state === Num.zero || state === Num.int || state === Num.fraction ? Num.e : -1;
  }
  return (byte === 0x2b || byte === 0x2d) && state === Num.e ? Num.sign : -1;
}

function isCompleteNumber(state: Num): boolean {
  return (
    state === Num.zero || state === Num.int || state === Num.fraction || state === Num.exponent
  );
}

/**
 * Walks one JSON document (RFC 8259) that arrives in chunks with arbitrary borders, accepts exactly what
 * `JSON.parse` accepts (up to the depth limit) and builds nothing: the visitor says which values it wants.
 * Bytes must be valid UTF-8; that is checked elsewhere. An escaped lone surrogate becomes U+FFFD.
 *
 * The parts: `push` walks the bytes between tokens and hands those inside a string, number or literal to
 * `#inString`, `#inNumber`, `#inLiteral`, each of which stops at a chunk's end and goes on with the next chunk.
 */
export class JsonScanner {
  #failure: JsonFailure | undefined;

  readonly #visitor: JsonVisitor;
  readonly #text: TextBuffer;
  readonly #maxDepth: number;
  /** For each open container whether it is an object; index 0 is the document. */
  readonly #isObject: boolean[] = [false];
  #depth = 0;
  /** Depth of the container that the visitor does not want, 0 if there is none. */
  #skippedDepth = 0;
  #state: State = State.value;

  #chunk: Uint8Array = NOTHING;
  #view: DataView = VIEW_OF_NOTHING;
  /** Bytes in the chunks before this one. */
  #base = 0;

  /** Whether the token at hand is wanted by the visitor. */
  #reading = false;
  #isKey = false;
  #tokenOffset = 0;
  #textStart = 0;
  /** 0 outside an escape, 1 after its backslash, 2 to 5 before its first to fourth hexadecimal digit. */
  #escape = 0;
  #codeUnit = 0;
  /** A high surrogate that waits for its low one, else 0. */
  #highSurrogate = 0;

  #numberState: Num = Num.minus;
  #magnitude = 0;
  #digits = 0;
  #isNegative = false;
  /** The number's text in earlier chunks. */
  #numberText = '';

  #literal = '';
  #literalIndex = 0;

  constructor(options: JsonScannerOptions) {
    this.#visitor = options.visitor;
    this.#text = options.text;
    this.#maxDepth = options.maxDepth;
  }

  /** Set once the document turned out to be none; nothing is visited from then on. */
  get failure(): JsonFailure | undefined {
    return this.#failure;
  }

  /** Forgets everything, to walk another document. Offsets begin at 0 again. */
  reset(): void {
    this.#failure = undefined;
    this.#depth = 0;
    this.#skippedDepth = 0;
    this.#state = State.value;
    this.#base = 0;
    this.#escape = 0;
    this.#highSurrogate = 0;
    this.#text.used = 0;
  }

  /** Walks the next bytes. They are not kept. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#view = viewOf(chunk);
    const length = chunk.length;
    let at = 0;
    while (at < length && this.#failure === undefined) {
      switch (this.#state) {
        case State.string:
          at = this.#inString(at);
          break;
        case State.number:
          at = this.#inNumber(at, at);
          break;
        case State.literal:
          at = this.#inLiteral(at);
          break;
        default:
          at = this.#betweenTokens(at);
      }
    }
    this.#base += length;
  }

  /** Says that no more bytes come. Returns the failure, if there was one. */
  end(): JsonFailure | undefined {
    this.#chunk = NOTHING;
    if (this.#failure !== undefined) return this.#failure;
    if (this.#state === State.number) this.#endNumber(0, 0);
    if (this.#state !== State.done) this.#fail(`the document ends before it is complete`, 0);
    return this.#failure;
  }

  #betweenTokens(from: number): number {
    const chunk = this.#chunk;
    const length = chunk.length;
    let at = from;
    while (at < length) {
      const byte = chunk[at] as number;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
        at++;
        continue;
      }
      switch (this.#state) {
        case State.separator:
          if (byte === 0x2c) {
            this.#state = this.#isObject[this.#depth] === true ? State.nextKey : State.value;
          } else if (!this.#close(byte, at)) return this.#unexpected(byte, at);
          break;
        case State.colon:
          if (byte !== 0x3a) return this.#unexpected(byte, at);
          this.#state = State.value;
          break;
        case State.firstKey:
          if (byte === 0x22) return this.#beginKey(at);
          if (!this.#close(byte, at)) return this.#unexpected(byte, at);
          break;
        case State.nextKey:
          if (byte === 0x22) return this.#beginKey(at);
          return this.#unexpected(byte, at);
        case State.firstItem:
          if (byte === 0x5d) {
            this.#close(byte, at);
            break;
          }
          return this.#beginValue(byte, at);
        case State.value:
          return this.#beginValue(byte, at);
        default:
          return this.#unexpected(byte, at);
      }
      at++;
    }
    return at;
  }

  #beginValue(byte: number, at: number): number {
    switch (byte) {
      case 0x22:
        this.#isKey = false;
        return this.#beginString(at, this.#begin('string', at));
      case 0x7b:
        return this.#open('object', at);
      case 0x5b:
        return this.#open('array', at);
      case 0x74:
        return this.#beginLiteral('true', 'boolean', at);
      case 0x66:
        return this.#beginLiteral('false', 'boolean', at);
      case 0x6e:
        return this.#beginLiteral('null', 'null', at);
      default:
        if (byte !== 0x2d && (byte < 0x30 || byte > 0x39)) return this.#unexpected(byte, at);
        return this.#beginNumber(byte, at);
    }
  }

  /** Asks the visitor whether it wants the value, unless it is inside one that it does not want. */
  #begin(kind: JsonKind, at: number): boolean {
    return this.#skippedDepth === 0 && this.#visitor.begin(kind, this.#base + at);
  }

  #endScalar(kind: JsonKind, at: number, value: number): void {
    this.#state = this.#depth === 0 ? State.done : State.separator;
    if (this.#skippedDepth === 0) this.#visitor.end(kind, this.#base + at, value);
  }

  #open(kind: 'object' | 'array', at: number): number {
    if (this.#depth === this.#maxDepth) return this.#failDepth(at);
    const reading = this.#begin(kind, at);
    this.#depth++;
    this.#isObject[this.#depth] = kind === 'object';
    if (!reading && this.#skippedDepth === 0) this.#skippedDepth = this.#depth;
    this.#state = kind === 'object' ? State.firstKey : State.firstItem;
    return at + 1;
  }

  /** Closes the container if `byte` is its end. */
  #close(byte: number, at: number): boolean {
    const isObject = this.#isObject[this.#depth] === true;
    if (byte !== (isObject ? 0x7d : 0x5d)) return false;
    if (this.#skippedDepth === this.#depth) this.#skippedDepth = 0;
    this.#depth--;
    this.#endScalar(isObject ? 'object' : 'array', at + 1, 0);
    return true;
  }

  #beginKey(at: number): number {
    this.#isKey = true;
    return this.#beginString(at, this.#skippedDepth === 0);
  }

  #beginString(at: number, reading: boolean): number {
    this.#state = State.string;
    this.#reading = reading;
    this.#tokenOffset = this.#base + at;
    this.#textStart = this.#text.used;
    return at + 1;
  }

  #inString(from: number): number {
    const reading = this.#reading;
    const chunk = this.#chunk;
    // An escape never unescapes to more bytes than it has, but one may have begun in the chunk before.
    if (reading) this.#text.reserve(chunk.length - from + 2 * REPLACEMENT_BYTES);
    let at = from;
    while (at < chunk.length) {
      if (this.#escape !== 0) {
        at = this.#inEscape(at);
        continue;
      }
      if (this.#highSurrogate !== 0) {
        // Only the escape of a low surrogate may follow, and no run passes that.
        if (chunk[at] === 0x5c) {
          this.#escape = 1;
          at++;
          continue;
        }
        this.#flushSurrogate();
      }
      at = reading ? this.#text.appendRun(this.#view, at) : findRunEnd(this.#view, at);
      if (at === chunk.length) return at;
      const byte = chunk[at] as number;
      if (byte === 0x22) return this.#endString(at + 1);
      if (byte !== 0x5c) {
        return this.#fail(`a string contains the control character ${describe(byte)}`, at);
      }
      this.#escape = 1;
      at++;
    }
    return at;
  }

  #inEscape(at: number): number {
    const byte = this.#chunk[at] as number;
    if (this.#escape === 1) {
      if (byte === 0x75) {
        this.#escape = 2;
        this.#codeUnit = 0;
        return at + 1;
      }
      const character = simpleEscape(byte);
      if (character === 0) {
        return this.#fail(
          `a string contains the unknown escape \\ followed by ${describe(byte)}`,
          at,
        );
      }
      this.#escape = 0;
      if (this.#reading) {
        this.#flushSurrogate();
        this.#text.appendByte(character);
      }
      return at + 1;
    }
    const digit = hexDigit(byte);
    if (digit < 0) {
      return this.#fail(`expected a hexadecimal digit but found ${describe(byte)}`, at);
    }
    this.#codeUnit = (this.#codeUnit << 4) | digit;
    this.#escape = this.#escape === 5 ? 0 : this.#escape + 1;
    if (this.#escape === 0 && this.#reading) this.#appendCodeUnit(this.#codeUnit);
    return at + 1;
  }

  #appendCodeUnit(unit: number): void {
    if (unit >= 0xdc00 && unit <= 0xdfff && this.#highSurrogate !== 0) {
      this.#text.appendCodePoint(
        0x10000 + ((this.#highSurrogate - 0xd800) << 10) + (unit - 0xdc00),
      );
      this.#highSurrogate = 0;
      return;
    }
    this.#flushSurrogate();
    if (unit >= 0xd800 && unit <= 0xdbff) this.#highSurrogate = unit;
    else this.#text.appendCodePoint(unit >= 0xdc00 && unit <= 0xdfff ? REPLACEMENT : unit);
  }

  #flushSurrogate(): void {
    if (this.#highSurrogate === 0) return;
    this.#highSurrogate = 0;
    this.#text.appendCodePoint(REPLACEMENT);
  }

  #endString(at: number): number {
    if (!this.#isKey) {
      this.#endScalar('string', at, 0);
      return at;
    }
    this.#state = State.colon;
    if (this.#reading) {
      this.#visitor.key(this.#text, this.#textStart, this.#tokenOffset);
      this.#text.used = this.#textStart;
    }
    return at;
  }

  #beginNumber(byte: number, at: number): number {
    this.#reading = this.#begin('number', at);
    const end = this.#shortInteger(byte, at);
    if (end > 0) return end;
    this.#state = State.number;
    this.#isNegative = byte === 0x2d;
    this.#numberState = Num.minus;
    this.#magnitude = 0;
    this.#digits = 0;
    this.#numberText = '';
    return this.#inNumber(at, this.#isNegative ? at + 1 : at);
  }

  /**
   * Takes a positive integer of few digits that this chunk holds as a whole, which token ids are, at one go.
   * Returns 0 if it is not one.
   */
  #shortInteger(first: number, start: number): number {
    if (first <= 0x30) return 0;
    const chunk = this.#chunk;
    const limit = Math.min(chunk.length, start + SHORT_DIGITS);
    let value = first - 0x30;
    for (let at = start + 1; at < limit; at++) {
      const byte = chunk[at] as number;
      const digit = byte - 0x30;
      if (digit >= 0 && digit <= 9) value = value * 10 + digit;
      else {
        if (nextInNumber(Num.int, byte) !== -1) return 0;
        this.#endScalar('number', at, value);
        return at;
      }
    }
    return 0;
  }

  #inNumber(start: number, from: number): number {
    const chunk = this.#chunk;
    let state = this.#numberState;
    let at = from;
    for (; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      const next = nextInNumber(state, byte);
      if (next === -1) {
        this.#numberState = state;
        return this.#endNumber(start, at);
      }
      state = next;
      if (state > Num.int || !this.#reading) continue;
      this.#magnitude = this.#magnitude * 10 + (byte - 0x30);
      this.#digits++;
    }
    this.#numberState = state;
    if (this.#reading) this.#numberText += latin1(chunk, start, at);
    return at;
  }

  #endNumber(start: number, at: number): number {
    const state = this.#numberState;
    if (!isCompleteNumber(state)) {
      const byte = this.#chunk[at];
      return this.#fail(
        byte === undefined
          ? 'the document ends inside a number'
          : `expected a digit but found ${describe(byte)}`,
        at,
      );
    }
    let value = 0;
    if (this.#reading) {
      const isPlain = state <= Num.int && this.#digits <= EXACT_DIGITS;
      if (!isPlain) value = Number(this.#numberText + latin1(this.#chunk, start, at));
      else value = this.#isNegative ? -this.#magnitude : this.#magnitude;
    }
    this.#endScalar('number', at, value);
    return at;
  }

  #beginLiteral(literal: string, kind: JsonKind, at: number): number {
    this.#state = State.literal;
    this.#literal = literal;
    this.#literalIndex = 0;
    this.#begin(kind, at);
    return this.#inLiteral(at);
  }

  #inLiteral(from: number): number {
    const chunk = this.#chunk;
    const literal = this.#literal;
    let at = from;
    for (; at < chunk.length && this.#literalIndex < literal.length; at++) {
      if (chunk[at] !== literal.charCodeAt(this.#literalIndex)) {
        return this.#fail(`expected '${literal}' but found ${describe(chunk[at] as number)}`, at);
      }
      this.#literalIndex++;
    }
    if (this.#literalIndex < literal.length) return at;
    this.#endScalar(literal === 'null' ? 'null' : 'boolean', at, literal === 'true' ? 1 : 0);
    return at;
  }

  #unexpected(byte: number, at: number): number {
    const closer = this.#isObject[this.#depth] === true ? "'}'" : "']'";
    const expected = expectation[this.#state] ?? `',' or ${closer}`;
    return this.#fail(`expected ${expected} but found ${describe(byte)}`, at);
  }

  #failDepth(at: number): number {
    const offset = this.#base + at;
    const message = `the document is nested deeper than ${this.#maxDepth} levels at byte ${offset}`;
    return this.#failWith({ code: 'nesting_too_deep', message, offset });
  }

  #fail(what: string, at: number): number {
    const offset = this.#base + at;
    return this.#failWith({ code: 'invalid_json', message: `${what} at byte ${offset}`, offset });
  }

  #failWith(failure: JsonFailure): number {
    this.#failure = failure;
    return this.#chunk.length;
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'latin1',
    start,
    end,
  );
}
