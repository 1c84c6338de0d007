// SPDX-License-Identifier: Apache-2.0
import { ByteWriter } from '../rows/byte-writer.ts';

/** Room for the head of a command besides its key: how many arguments, its name, how long the key is. */
const HEAD_BYTES = 40;
/** An 8-byte field, with what says so. */
const FIELD_BYTES = 14;

/** Writes one variadic command on a hash with 8-byte fields, field by field. */
export class RowBatch {
  readonly name: string;
  readonly key: string;
  readonly #body: ByteWriter;
  readonly #headBytes: number;
  #arguments = 2;

  /** `expected`: about how many fields it will have. */
  constructor(name: 'HSET' | 'HDEL' | 'HMGET', key: string, expected = 16) {
    this.name = name;
    this.key = key;
    this.#headBytes = HEAD_BYTES + Buffer.byteLength(key);
    this.#body = new ByteWriter(this.#headBytes + FIELD_BYTES * expected);
    this.#body.length = this.#headBytes;
  }

  get isEmpty(): boolean {
    return this.#arguments === 2;
  }

  field(low: number, high: number): void {
    const body = this.#body;
    body.reserve(FIELD_BYTES);
    const { bytes } = body;
    let at = body.length;
    at = bulkHead(bytes, at, 8);
    at = word(bytes, at, low);
    at = word(bytes, at, high);
    bytes[at] = CR;
    bytes[at + 1] = LF;
    body.length = at + 2;
    this.#arguments++;
  }

  /** A value of so many bytes. */
  value(from: Uint8Array, length: number): void {
    const body = this.#body;
    body.reserve(length + 16);
    const { bytes } = body;
    let at = bulkHead(bytes, body.length, length);
    // Rows are short: a loop is cheaper than a copy by the runtime.
    for (let i = 0; i < length; i++) bytes[at++] = from[i] as number;
    bytes[at] = CR;
    bytes[at + 1] = LF;
    body.length = at + 2;
    this.#arguments++;
  }

  /** The whole command. The batch is used up. */
  get bytes(): Buffer {
    const { name, key } = this;
    const keyBytes = Buffer.byteLength(key);
    const head = `*${this.#arguments}\r\n$${name.length}\r\n${name}\r\n$${keyBytes}\r\n${key}\r\n`;
    const start = this.#headBytes - Buffer.byteLength(head);
    this.#body.bytes.write(head, start);
    return this.#body.bytes.subarray(start, this.#body.length);
  }
}

const CR = 13;
const LF = 10;
const DOLLAR = 0x24;
const ZERO = 0x30;

/** `$<length>\r\n`; returns the place after it. */
function bulkHead(bytes: Uint8Array, start: number, length: number): number {
  let at = start;
  bytes[at++] = DOLLAR;
  if (length < 10) bytes[at++] = ZERO + length;
  else for (const digit of String(length)) bytes[at++] = digit.charCodeAt(0);
  bytes[at++] = CR;
  bytes[at++] = LF;
  return at;
}

function word(bytes: Uint8Array, start: number, value: number): number {
  bytes[start] = value;
  bytes[start + 1] = value >>> 8;
  bytes[start + 2] = value >>> 16;
  bytes[start + 3] = value >>> 24;
  return start + 4;
}
