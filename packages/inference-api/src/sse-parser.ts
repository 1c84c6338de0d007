// SPDX-License-Identifier: Apache-2.0
import { SseLines, dataStart } from './sse-lines.ts';

export interface SseParserOptions {
  /** Takes the data of an event, of several data lines joined by LF. The bytes are valid during the call only. */
  readonly onData: (data: Uint8Array) => void;
  /** Longer lines that come in pieces are dropped. Default 16 MiB. */
  readonly maxLineBytes?: number;
}

/** Puts the events of a stream together again. */
export interface SseParser {
  push(chunk: Uint8Array): void;
  /** Lines that were too long and were dropped. */
  readonly droppedLines: number;
}

const DEFAULT_MAX_LINE_BYTES = 16 * 1024 * 1024;
const LF = Uint8Array.of(0x0a);
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/**
 * A parser of server-sent events (WHATWG HTML, 9.2.6) for streams cut anywhere. It knows the `data` field; event types,
 * ids and retry times, which no inference API needs to be understood, are passed over. An event that the stream ends
 * in before its empty line is not told, as the specification has it.
 */
export function createSseParser(options: SseParserOptions): SseParser {
  return new Parser(options);
}

class Parser implements SseParser {
  droppedLines = 0;
  readonly #onData: (data: Uint8Array) => void;
  readonly #lines: SseLines;
  #chunk: Uint8Array | undefined;
  #data: Uint8Array | undefined;
  #isFirstLine = true;

  constructor(options: SseParserOptions) {
    this.#onData = options.onData;
    this.#lines = new SseLines({
      maxLineBytes: options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES,
      handler: {
        line: (chunk, start, end) => {
          this.#line(chunk, start, end);
        },
        oversizedLine: () => {
          this.droppedLines++;
        },
      },
    });
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#lines.push(chunk);
    // The chunk is the caller's again, so what waits for its empty line must be our own.
    if (this.#data !== undefined) this.#data = Buffer.from(this.#data);
  }

  #line(chunk: Uint8Array, start: number, end: number): void {
    if (start === end) {
      if (this.#data !== undefined) this.#onData(this.#data);
      this.#data = undefined;
      return;
    }
    const marked =
      this.#isFirstLine && BYTE_ORDER_MARK.every((byte, i) => chunk[start + i] === byte);
    this.#isFirstLine = false;
    const from = dataStart(chunk, marked ? start + BYTE_ORDER_MARK.length : start, end);
    if (from < 0) return;
    const lent = chunk.subarray(from, end);
    const value = chunk === this.#chunk ? lent : Buffer.from(lent);
    this.#data = this.#data === undefined ? value : Buffer.concat([this.#data, LF, value]);
  }
}
