// SPDX-License-Identifier: Apache-2.0
import type { ApiKind } from './api-descriptor.ts';
import { ResponseReader } from './response-reader.ts';
import { SseLines, dataStart } from './sse-lines.ts';
import type { Usage } from './usage.ts';

export interface ResponseObserverOptions {
  readonly api: ApiKind;
  /** Whether the response is a stream of server-sent events, by its content type; else it is one JSON body. */
  readonly streaming: boolean;
  /** Longer lines of a stream that come in pieces are not looked into. Default 1 MiB. */
  readonly maxLineBytes?: number;
}

/** What was seen of a response so far. */
export interface ResponseObservation {
  readonly bytes: number;
  /** Events with data, `[DONE]` apart; 0 for a JSON body. */
  readonly events: number;
  /** `data: [DONE]` came. */
  readonly done: boolean;
  readonly usage: Usage | undefined;
  /** Why generation ended: `stop`, `length`, `tool_calls`, `end_turn`, `completed`, … as the API calls it. */
  readonly finishReason: string | undefined;
  /** Lines that were too long to be looked into: usage may be missing because of them. */
  readonly oversizedLines: number;
}

/** Looks at a response that passes by. The bytes are not changed, and nothing refers to them after the call. */
export interface ResponseObserver {
  /** Looks at the next bytes; returns how many events had their first data line completed by them. */
  push(chunk: Uint8Array): number;
  /** What was seen so far; the whole response once its last chunk was pushed. */
  observe(): ResponseObservation;
}

const DEFAULT_MAX_LINE_BYTES = 1024 * 1024;

/** An observer for one response to a request of `options.api`. */
export function createResponseObserver(options: ResponseObserverOptions): ResponseObserver {
  return options.streaming
    ? new StreamObserver(options.api, options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES)
    : new BodyObserver(options.api);
}

class BodyObserver implements ResponseObserver {
  readonly #reader: ResponseReader;
  #bytes = 0;

  constructor(api: ApiKind) {
    this.#reader = new ResponseReader(api);
  }

  push(chunk: Uint8Array): number {
    this.#bytes += chunk.length;
    this.#reader.push(chunk);
    return 0;
  }

  observe(): ResponseObservation {
    const { usage, finishReason } = this.#reader;
    return { bytes: this.#bytes, events: 0, done: false, usage, finishReason, oversizedLines: 0 };
  }
}

const DONE = Buffer.from('[DONE]');
/**
 * Keys as they stand in JSON, where no content holds them, for its quotes are escaped. The opening quote is checked
 * apart: a search that begins with a byte as frequent as that takes three times as long.
 */
const FINISH_REASON = Buffer.from('finish_reason":');
const STOP_REASON = Buffer.from('stop_reason":');
const USAGE = Buffer.from('usage":');
const META_INFO = Buffer.from('meta_info":');

const LOWER_N = 0x6e;
const SPACE = 0x20;
const QUOTE = 0x22;

/** Whether a key stands in the line with a value that is not null. */
function hasValue(line: Buffer, key: Buffer): boolean {
  for (let at = line.indexOf(key); at >= 0; at = line.indexOf(key, at)) {
    const isKey = line[at - 1] === QUOTE;
    at += key.length;
    while (line[at] === SPACE) at++;
    if (isKey && line[at] !== LOWER_N) return true;
  }
  return false;
}

class StreamObserver implements ResponseObserver {
  readonly #reader: ResponseReader;
  readonly #lines: SseLines;
  readonly #usageKey: Buffer;
  readonly #finishKey: Buffer;
  /** Whether each usage repeats all that those before it said, so that only the last one must be read. */
  readonly #isCumulative: boolean;
  #latestUsage: Buffer | undefined;
  #bytes = 0;
  #events = 0;
  #inEvent = false;
  #done = false;
  #oversizedLines = 0;

  constructor(api: ApiKind, maxLineBytes: number) {
    this.#reader = new ResponseReader(api);
    this.#usageKey = api === 'sglang-generate' ? META_INFO : USAGE;
    this.#finishKey = api === 'messages' ? STOP_REASON : FINISH_REASON;
    this.#isCumulative = api !== 'messages';
    this.#lines = new SseLines({
      maxLineBytes,
      handler: {
        line: (chunk, start, end) => {
          this.#line(chunk, start, end);
        },
        oversizedLine: (head) => {
          this.#oversizedLines++;
          if (dataStart(head, 0, head.length) >= 0) this.#countEvent();
        },
      },
    });
  }

  push(chunk: Uint8Array): number {
    const before = this.#events;
    this.#bytes += chunk.length;
    this.#lines.push(chunk);
    return this.#events - before;
  }

  observe(): ResponseObservation {
    if (this.#latestUsage !== undefined) this.#reader.readEvent(this.#latestUsage);
    this.#latestUsage = undefined;
    return {
      bytes: this.#bytes,
      events: this.#events,
      done: this.#done,
      usage: this.#reader.usage,
      finishReason: this.#reader.finishReason,
      oversizedLines: this.#oversizedLines,
    };
  }

  #line(chunk: Uint8Array, start: number, end: number): void {
    if (start === end) {
      this.#inEvent = false;
      return;
    }
    const from = dataStart(chunk, start, end);
    if (from < 0) return;
    const data = Buffer.from(chunk.buffer, chunk.byteOffset + from, end - from);
    if (data.length === DONE.length && data.equals(DONE)) {
      this.#done = true;
      return;
    }
    this.#countEvent();
    if (hasValue(data, this.#finishKey)) this.#reader.readEvent(data);
    if (!hasValue(data, this.#usageKey)) return;
    if (this.#isCumulative) this.#latestUsage = Buffer.from(data);
    else this.#reader.readEvent(data);
  }

  #countEvent(): void {
    if (!this.#inEvent) this.#events++;
    this.#inEvent = true;
  }
}
