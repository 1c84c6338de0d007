// SPDX-License-Identifier: Apache-2.0
import { TextBuffer } from './json/text-buffer.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Receives the lines of a stream. */
export interface LineHandler {
  /**
   * A whole line without its end: the bytes of `chunk` from `start` up to `end`. They are valid during the call only,
   * unless `chunk` is the one that was pushed, which is in the hands of whoever pushed it.
   */
  line(chunk: Uint8Array, start: number, end: number): void;
  /** A line was longer than is kept: its first bytes. */
  oversizedLine(head: Uint8Array): void;
}

export interface SseLinesOptions {
  readonly handler: LineHandler;
  /** Lines with more bytes that do not come in one chunk are not put together. */
  readonly maxLineBytes: number;
}

/**
 * Cuts a stream into lines, which end with LF, CR or CR LF as server-sent events have it, wherever chunks are cut.
 * Lines that lie within a chunk are not copied; of chunks that have been pushed nothing is referred to.
 */
export class SseLines {
  readonly #handler: LineHandler;
  readonly #maxLineBytes: number;
  /** What has come of a line whose end has not; its head only if that is too much. */
  readonly #line = new TextBuffer();
  #lineBytes = 0;
  /** The last chunk ended with CR: an LF that follows belongs to it. */
  #afterCr = false;

  constructor(options: SseLinesOptions) {
    this.#handler = options.handler;
    this.#maxLineBytes = options.maxLineBytes;
  }

  push(chunk: Uint8Array): void {
    const length = chunk.length;
    if (length === 0) return;
    let start = this.#afterCr && chunk[0] === LF ? 1 : 0;
    this.#afterCr = false;
    let cr = chunk.indexOf(CR, start);
    while (start < length) {
      // The empty line after an event needs no search.
      const lf = chunk[start] === LF ? start : chunk.indexOf(LF, start);
      const end = cr >= 0 && (lf < 0 || cr < lf) ? cr : lf;
      if (end < 0) {
        this.#keep(chunk.subarray(start));
        return;
      }
      this.#endLine(chunk, start, end);
      start = end + 1;
      if (end !== cr) continue;
      if (start === length) this.#afterCr = true;
      else if (chunk[start] === LF) start++;
      cr = chunk.indexOf(CR, start);
    }
  }

  #endLine(chunk: Uint8Array, start: number, end: number): void {
    if (this.#lineBytes === 0) {
      this.#handler.line(chunk, start, end);
      return;
    }
    this.#keep(chunk.subarray(start, end));
    const { bytes, used } = this.#line;
    if (this.#lineBytes > this.#maxLineBytes) this.#handler.oversizedLine(bytes.subarray(0, used));
    else this.#handler.line(bytes, 0, used);
    this.#line.used = 0;
    this.#lineBytes = 0;
  }

  #keep(piece: Uint8Array): void {
    this.#lineBytes += piece.length;
    if (this.#lineBytes <= this.#maxLineBytes) {
      this.#line.append(piece);
      return;
    }
    this.#line.used = Math.min(this.#line.used, OVERSIZED_HEAD_BYTES);
    this.#line.append(piece.subarray(0, OVERSIZED_HEAD_BYTES - this.#line.used));
  }
}

/** What is kept of a line that is too long: enough to tell its field. */
const OVERSIZED_HEAD_BYTES = 16;

const DATA = Buffer.from('data');
const COLON = 0x3a;
const SPACE = 0x20;

/**
 * Where the value of a line begins if its field is `data`, else -1. As the specification of server-sent events has it:
 * one space after the colon is not part of the value, and a line without colon has an empty one.
 */
export function dataStart(chunk: Uint8Array, start: number, end: number): number {
  const colon = start + DATA.length;
  if (end < colon) return -1;
  for (let index = 0; index < DATA.length; index++) {
    if (chunk[start + index] !== DATA[index]) return -1;
  }
  if (end === colon) return end;
  if (chunk[colon] !== COLON) return -1;
  return chunk[colon + 1] === SPACE && colon + 1 < end ? colon + 2 : colon + 1;
}
