// SPDX-License-Identifier: Apache-2.0
import type { HttpHeadersInit } from '@llm-d/protos';
import { AnswerReader } from '../exchange/answer-reader.ts';
import type { AnswerKind } from '../exchange/exchange-result.ts';
import { requestHeadersOf } from '../exchange/run-exchange.ts';
import type { ExtProcStream } from '../proxy/ext-proc-stream.ts';
import { headerMapOf, type HeaderList } from '../proxy/header-list.ts';
import { Difference, expectThat } from './difference.ts';
import { wordsOf } from './expectations.ts';
import { CHAT_PATH } from './requests.ts';

// For exchanges that no script can say, because a well-behaved proxy would not have them.

const SSE: HeaderList = [
  [':status', '200'],
  ['content-type', 'text/event-stream'],
];

/** Sends the head of a request with a body, for a chat unless another path is given. */
export function sendHead(stream: ExtProcStream, path: string = CHAT_PATH): void {
  stream.send({ requestHeaders: requestHead(path) });
}

const requestHead = (path: string): HttpHeadersInit => ({
  headers: headerMapOf(requestHeadersOf({ path, body: '' })),
  endOfStream: false,
});

export function sendBody(stream: ExtProcStream, body: string, endOfStream = true): void {
  stream.send({ requestBody: { body: Buffer.from(body), endOfStream } });
}

/** Sends a whole chat. */
export function sendChat(stream: ExtProcStream, body: string): void {
  sendHead(stream);
  sendBody(stream, body);
}

/** Sends the head of a streamed answer. */
export function sendAnswerHead(stream: ExtProcStream): void {
  stream.send({ responseHeaders: { headers: headerMapOf(SSE) } });
}

export function sendAnswerBody(stream: ExtProcStream, body: string, endOfStream = false): void {
  stream.send({ responseBody: { body: Buffer.from(body), endOfStream } });
}

/** What has come on a stream, read as far as asked for. */
export class Listening {
  readonly reader = new AnswerReader();
  readonly #stream: ExtProcStream;
  readonly #waitMs: number;

  constructor(stream: ExtProcStream, waitMs: number) {
    this.#stream = stream;
    this.#waitMs = waitMs;
  }

  /** Sends the head of a streamed answer, which then may be answered. */
  sendAnswerHead(): void {
    this.reader.sentResponse(SSE);
    sendAnswerHead(this.#stream);
  }

  /** Reads until there is a message of this kind. Throws Difference where the stream ends or falls silent before. */
  async until(kind: AnswerKind): Promise<void> {
    await this.#until(kind, () => this.reader.has(kind));
  }

  /** Reads until the body has come to its end. */
  async untilEnd(of: 'request' | 'response'): Promise<void> {
    await this.#until(`the end of the ${of} body`, () => this.reader.bodyEnded(of));
  }

  /** Reads until so many bytes of the answer have come back. */
  async untilAnswered(bytes: number): Promise<void> {
    await this.#until(`byte ${bytes} of the answer`, () => this.reader.responseBytes >= bytes);
  }

  async #until(awaited: string, isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      const arrival = await this.#stream.receive(this.#waitMs);
      expectThat(arrival !== undefined, `${awaited} did not come`);
      if (arrival.kind === 'end') {
        throw new Difference(
          `${awaited} did not come; the stream ended with ${wordsOf(arrival.end)}`,
        );
      }
      this.reader.read(arrival.message);
    }
  }

  /** Reads all that comes until nothing has come for a while or the stream has ended. */
  async rest(quietMs: number): Promise<AnswerReader> {
    while (true) {
      const arrival = await this.#stream.receive(quietMs);
      if (arrival === undefined) return this.reader;
      if (arrival.kind === 'end') {
        this.reader.ended(arrival.end);
        return this.reader;
      }
      this.reader.read(arrival.message);
    }
  }
}

/** Where the request on this stream is sent. Throws Difference where it is not. */
export async function routedTo(stream: ExtProcStream, waitMs: number): Promise<string | undefined> {
  const listening = new Listening(stream, waitMs);
  await listening.until('request-headers');
  return listening.reader.destination;
}
