// SPDX-License-Identifier: Apache-2.0
import { Status, type GrpcStream } from '@llm-d/grpc-server';
import { byteLengthOf } from '@llm-d/inference-api';
import { processingResponse, streamedBodyHead, type ProcessingResponseInit } from '@llm-d/protos';
import { BODY_MESSAGE_BYTES, bodyMessages, type BodyMessage } from './body-messages.ts';

/** What a session needs of its stream. */
export type SessionStream = Pick<GrpcStream, 'send' | 'end' | 'pause' | 'resume'>;

export interface BodyEnd {
  /** Whether these bytes are the last of the stream. */
  readonly endOfStream: boolean;
  /** Encoded fields to go with the last message. */
  readonly with?: Uint8Array | undefined;
}

const NOTHING: BodyMessage = { pieces: [], bytes: 0 };

/**
 * Replies on their way to the proxy, at its pace: a request's body is sent piece by piece, and while an answer's bytes
 * wait, no more of them are read.
 */
export class Outflow {
  readonly #stream: SessionStream;
  /** The body of a request while it is sent, and how many of its messages have been. */
  #body: readonly BodyMessage[] | undefined;
  #sent = 0;
  #hasTrailers = false;
  #isPaused = false;
  #ending: { readonly status: Status; readonly message: string | undefined } | undefined;

  constructor(stream: SessionStream) {
    this.#stream = stream;
  }

  send(message: ProcessingResponseInit): void {
    this.sendEncoded(processingResponse.encode(message));
  }

  /** A message, whole or in parts. */
  sendEncoded(message: Uint8Array | readonly Uint8Array[]): void {
    this.#heed(this.#stream.send(message));
  }

  /** Sends the bytes of an answer that have come. */
  answerBody(pieces: readonly Uint8Array[], end: BodyEnd): void {
    const bytes = byteLengthOf(pieces);
    if (bytes <= BODY_MESSAGE_BYTES) {
      this.#answer({ pieces, bytes }, end);
      return;
    }
    const messages = bodyMessages(pieces);
    const last = messages.pop() ?? NOTHING;
    for (const message of messages) this.#answer(message, { endOfStream: false });
    this.#answer(last, end);
  }

  /** Sends the body of a request in the messages it takes; trailers follow it where the request has them. */
  requestBody(pieces: readonly Uint8Array[], options: { readonly hasTrailers: boolean }): void {
    this.#hasTrailers = options.hasTrailers;
    const messages = bodyMessages(pieces);
    // Without trailers, even nothing at all must say that it is the end.
    if (messages.length === 0 && !options.hasTrailers) messages.push(NOTHING);
    this.#body = messages;
    this.#pump();
  }

  /** Ends the stream when everything has been handed to it. */
  end(status: Status, message?: string): void {
    this.#ending ??= { status, message };
    if (this.#body === undefined) this.#stream.end(status, message);
  }

  /** The proxy has taken everything that waited. */
  drained(): void {
    if (!this.#pump() || !this.#isPaused) return;
    this.#isPaused = false;
    this.#stream.resume();
  }

  /** Sends until messages wait; true when there is no body to be sent any more. */
  #pump(): boolean {
    if (this.#body === undefined) return true;
    const { length } = this.#body;
    while (this.#sent < length) {
      const { pieces, bytes } = this.#body[this.#sent++] ?? NOTHING;
      const isLast = this.#sent === length;
      const endOfStream = isLast && !this.#hasTrailers;
      const head = streamedBodyHead('requestBody', bytes, { endOfStream });
      const goesOn = this.#stream.send([head, ...pieces]);
      if (!goesOn && !isLast) return false;
    }
    this.#body = undefined;
    if (this.#hasTrailers) this.#stream.send(REQUEST_TRAILERS);
    if (this.#ending !== undefined) this.#stream.end(this.#ending.status, this.#ending.message);
    return true;
  }

  #answer({ pieces, bytes }: BodyMessage, { endOfStream, with: more }: BodyEnd): void {
    const head = streamedBodyHead('responseBody', bytes, { endOfStream });
    const parts = [head, ...pieces];
    if (more !== undefined) parts.push(more);
    this.#heed(this.#stream.send(parts));
  }

  #heed(goesOn: boolean): void {
    // While a request is on its way, its server may need to be read before it reads on.
    if (goesOn || this.#isPaused || this.#body !== undefined) return;
    this.#isPaused = true;
    this.#stream.pause();
  }
}

const REQUEST_TRAILERS = processingResponse.encode({ requestTrailers: {} });
