// SPDX-License-Identifier: Apache-2.0
import { Status, type GrpcStream } from '@llm-d/grpc-server';
import {
  processingResponse,
  streamedBodyParts,
  type BodyPhase,
  type ProcessingResponseInit,
} from '@llm-d/protos';
import { BODY_MESSAGE_BYTES, fullMessages } from './body-messages.ts';

/** What a session needs of its stream. */
export type SessionStream = Pick<GrpcStream, 'send' | 'end' | 'pause' | 'resume'>;

export interface BodyEnd {
  /** Whether these bytes are the last of the stream. */
  readonly endOfStream: boolean;
  /** Encoded fields to go with the last message. */
  readonly with?: Uint8Array | undefined;
}

const EMPTY = new Uint8Array(0);

/**
 * Replies on their way to the proxy, at its pace: a request's body is sent piece by piece, and while an answer's bytes
 * wait, no more of them are read.
 */
export class Outflow {
  readonly #stream: SessionStream;
  #body: Iterator<Uint8Array, void> | undefined;
  /** The message of the body that is next, looked at in advance to know the last one. */
  #next: Uint8Array | undefined;
  #hasTrailers = false;
  #isPaused = false;
  #ending: { readonly status: Status; readonly message: string | undefined } | undefined;

  constructor(stream: SessionStream) {
    this.#stream = stream;
  }

  send(message: ProcessingResponseInit): void {
    this.sendEncoded(processingResponse.encode(message));
  }

  sendEncoded(message: Uint8Array): void {
    this.#heed(this.#stream.send(message));
  }

  /** Sends the bytes of an answer that have come. */
  answerBody(pieces: readonly Uint8Array[], end: BodyEnd): void {
    const [only = EMPTY] = pieces;
    if (pieces.length <= 1 && only.length <= BODY_MESSAGE_BYTES) {
      this.#message('responseBody', only, end);
      return;
    }
    let last: Uint8Array = EMPTY;
    for (const message of fullMessages(pieces)) {
      if (last.length > 0) this.#message('responseBody', last, { endOfStream: false });
      last = message;
    }
    this.#message('responseBody', last, end);
  }

  /** Sends the body of a request in the messages it takes; trailers follow it where the request has them. */
  requestBody(pieces: Iterable<Uint8Array>, options: { readonly hasTrailers: boolean }): void {
    this.#body = fullMessages(pieces);
    this.#hasTrailers = options.hasTrailers;
    // Without trailers, even nothing at all must say that it is the end.
    this.#next = this.#body.next().value ?? (options.hasTrailers ? undefined : EMPTY);
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
    while (this.#next !== undefined) {
      const body = this.#next;
      this.#next = this.#body?.next().value ?? undefined;
      const endOfStream = this.#next === undefined && !this.#hasTrailers;
      const goesOn = this.#stream.send(streamedBodyParts('requestBody', body, { endOfStream }));
      if (!goesOn && this.#next !== undefined) return false;
    }
    if (this.#body === undefined) return true;
    this.#body = undefined;
    if (this.#hasTrailers) this.#stream.send(REQUEST_TRAILERS);
    if (this.#ending !== undefined) this.#stream.end(this.#ending.status, this.#ending.message);
    return true;
  }

  #message(phase: BodyPhase, body: Uint8Array, { endOfStream, with: more }: BodyEnd): void {
    const parts = streamedBodyParts(phase, body, { endOfStream });
    this.#heed(this.#stream.send(more === undefined ? parts : [...parts, more]));
  }

  #heed(goesOn: boolean): void {
    // While a request is on its way, its server may need to be read before it reads on.
    if (goesOn || this.#isPaused || this.#body !== undefined) return;
    this.#isPaused = true;
    this.#stream.pause();
  }
}

const REQUEST_TRAILERS = processingResponse.encode({ requestTrailers: {} });
