// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders } from 'node:http';
import { createSseParser } from '@llm-d/inference-api';
import type { Dispatcher } from 'undici';
import { readOpenAiAnswer, type OpenAiAnswer } from './openai-answer.ts';
import type { FailureKind, Submission, TargetCallbacks } from './target.ts';

/** Of an error's body, what is kept for its message. */
const MAX_ERROR_BYTES = 2048;
/** A whole answer that is not streamed. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const OK = 200;

/** One request and its response on the wire: reads status, headers and body as they come and calls back. */
export class HttpExchange implements Dispatcher.DispatchHandler, Submission {
  readonly #callbacks: TargetCallbacks;
  readonly #streaming: boolean;
  readonly #events = createSseParser({
    onData: (data) => {
      this.#onEvent(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8'));
    },
  });
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #controller: Dispatcher.DispatchController | undefined;
  #status: number | undefined;
  #done = false;
  #failed = false;

  constructor(callbacks: TargetCallbacks, options: { readonly streaming: boolean }) {
    this.#callbacks = callbacks;
    this.#streaming = options.streaming;
  }

  abort(): void {
    if (this.#done) return;
    this.#done = true;
    this.#controller?.abort(new Error('given up'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Given up while it waited for its connection.
    if (this.#done) controller.abort(new Error('given up'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    // 1xx announce a response that is still to come.
    if (this.#done || status < OK) return;
    this.#status = status;
    const endpoint = endpointOf(headers);
    this.#callbacks.onResponse({ status, ...(endpoint !== undefined && { endpoint }) });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#done) return;
    if (this.#status === OK && this.#streaming) this.#readEvents(chunk);
    else this.#keep(chunk);
  }

  onResponseEnd(): void {
    if (this.#done) return;
    if (this.#status !== OK) this.#fail('http', `status ${this.#status ?? 0}: ${this.#bodyText()}`);
    else if (this.#streaming) this.#fail('truncated', 'the stream ended without [DONE]');
    else this.#readBody();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(this.#status === undefined ? 'connect' : 'truncated', error.message);
  }

  #readEvents(chunk: Buffer): void {
    try {
      this.#events.push(chunk);
    } catch (error) {
      this.#fail('invalid-response', error instanceof Error ? error.message : String(error));
    }
    // Nobody reads what such a server still has to say.
    if (this.#failed) this.#controller?.abort(new Error('the response is of no use'));
  }

  #onEvent(data: string): void {
    if (this.#done) return;
    if (data === '[DONE]') {
      this.#end();
      return;
    }
    const answer = readOpenAiAnswer(data);
    if (answer === undefined) this.#fail('invalid-response', `unknown event ${excerpt(data)}`);
    else this.#report(answer, 'stream-error');
  }

  #readBody(): void {
    const text = this.#bodyText();
    try {
      const answer = readOpenAiAnswer(text);
      if (answer === undefined) this.#fail('invalid-response', `unknown body ${excerpt(text)}`);
      else if (this.#report(answer, 'invalid-response')) this.#end();
    } catch (error) {
      this.#fail('invalid-response', error instanceof Error ? error.message : String(error));
    }
  }

  /** False when the answer is an error, with which the exchange ends. */
  #report(answer: OpenAiAnswer, errorKind: FailureKind): boolean {
    if (answer.error !== undefined) {
      this.#fail(errorKind, answer.error);
      return false;
    }
    if (answer.text !== '') this.#callbacks.onContent(answer.text);
    if (answer.usage) this.#callbacks.onUsage(answer.usage);
    return true;
  }

  #keep(chunk: Buffer): void {
    const limit = this.#status === OK ? MAX_BODY_BYTES : MAX_ERROR_BYTES;
    if (this.#bodyBytes >= limit) return;
    this.#bodyBytes += chunk.length;
    this.#body.push(chunk);
  }

  #bodyText(): string {
    return Buffer.concat(this.#body).toString('utf8');
  }

  #end(): void {
    this.#done = true;
    this.#callbacks.onEnd();
  }

  #fail(kind: FailureKind, message: string): void {
    if (this.#done) return;
    this.#done = true;
    this.#failed = true;
    this.#body = [];
    this.#callbacks.onFailure({ kind, message: excerpt(message) });
  }
}

const MAX_MESSAGE_CHARACTERS = 300;
const excerpt = (text: string): string => text.slice(0, MAX_MESSAGE_CHARACTERS);

/** `pod:port` from the headers by which a model server, or llm-d's simulator, names itself. */
function endpointOf(headers: IncomingHttpHeaders): string | undefined {
  const pod = headers['x-inference-pod'];
  const port = headers['x-inference-port'];
  const named = [pod, port].filter((value) => typeof value === 'string' && value !== '');
  return named.length === 0 ? undefined : named.join(':');
}
