// SPDX-License-Identifier: Apache-2.0
import { gunzipSync } from 'node:zlib';
import type { Clock, Timer } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import type { GrpcHandler, GrpcStream, GrpcStreamListener, StreamClose } from '../grpc-server.ts';
import type { Http2Stream, StreamEnd, StreamHandler } from '../http2/stream.ts';
import { MessagePrefixError, MessageReader } from './message-reader.ts';
import { metadataOf, type Metadata, type MetadataEntries } from './metadata.ts';
import { endingBlock, responseHead } from './responses.ts';
import { Status } from './status.ts';

/** What a call needs besides its stream. */
export interface CallOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxReceiveBytes: number;
  readonly gzip: boolean;
  /** The client's `grpc-timeout`. */
  readonly timeoutMs: number | undefined;
}

/** One gRPC call on an HTTP/2 stream of ours. */
export class Call implements GrpcStream, StreamHandler {
  readonly #stream: Http2Stream;
  readonly #options: CallOptions;
  readonly #reader: MessageReader;
  #listener: GrpcStreamListener = {};
  #metadata: Metadata | undefined;
  #abort: AbortController | undefined;
  #deadline: Timer | undefined;
  #expired = false;
  #paused = false;
  /** Messages that came while paused, and the bytes for which the client gets no window back. */
  #waiting: Buffer[] = [];
  /** First of them that has not been told; a shift of a long array is slow. */
  #nextWaiting = 0;
  #unconsumed = 0;
  #remoteEnded = false;
  #halfCloseTold = false;
  #closed = false;

  constructor(stream: Http2Stream, options: CallOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#reader = new MessageReader(options.maxReceiveBytes, this.#received);
  }

  /** Lets the handler begin. It may end the call at once. */
  start(handler: GrpcHandler): void {
    const { timeoutMs, clock } = this.#options;
    if (timeoutMs !== undefined) {
      this.#deadline = clock.schedule(timeoutMs, () => {
        this.#expire();
      });
    }
    this.#guarded(() => {
      this.#listener = handler(this);
    });
  }

  get method(): string {
    return this.#stream.head.path;
  }

  get authority(): string {
    return this.#stream.head.authority;
  }

  get metadata(): Metadata {
    const { headers, firstField } = this.#stream.head;
    this.#metadata ??= metadataOf({ ...headers, first: firstField });
    return this.#metadata;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#closed) this.#abort.abort();
    return this.#abort.signal;
  }

  send(message: Uint8Array | readonly Uint8Array[]): boolean {
    if (!this.#stream.answered) this.#stream.respond(responseHead, { endStream: false });
    return this.#stream.message(0, message instanceof Uint8Array ? [message] : message);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#isPaused()) {
      const message = this.#waiting[this.#nextWaiting++];
      if (message === undefined) break;
      this.#tell(message);
    }
    if (this.#isPaused()) return;
    this.#waiting = [];
    this.#nextWaiting = 0;
    const bytes = this.#unconsumed;
    this.#unconsumed = 0;
    if (bytes > 0) this.#stream.consumed(bytes);
    this.#tellHalfClose();
  }

  end(status: Status, message?: string, trailers?: MetadataEntries): void {
    if (this.#stream.closed) return;
    const { answered } = this.#stream;
    const block = endingBlock({ status, message, trailers }, { answered });
    if (answered) this.#stream.finish(block);
    else this.#stream.respond(block, { endStream: true });
  }

  data(payload: Buffer): void {
    try {
      this.#reader.push(payload);
    } catch (error) {
      if (!(error instanceof MessagePrefixError)) throw error;
      const tooLarge = error.code === 'MESSAGE_TOO_LARGE';
      this.end(tooLarge ? Status.resourceExhausted : Status.internal, error.message);
    }
    if (this.#paused) this.#unconsumed += payload.length;
    else this.#stream.consumed(payload.length);
  }

  remoteEnd(): void {
    this.#remoteEnded = true;
    if (!this.#reader.atBoundary) this.end(Status.internal, 'the last message is cut short');
    else if (!this.#paused) this.#tellHalfClose();
  }

  writable(): void {
    this.#guarded(() => this.#listener.onDrain?.());
  }

  closed(end: StreamEnd): void {
    this.#closed = true;
    this.#waiting = [];
    this.#deadline?.cancel();
    try {
      this.#listener.onClose?.(this.#closeOf(end));
    } catch (error) {
      this.#options.logger.error('A listener failed while its stream closed', { error });
    }
    this.#abort?.abort();
  }

  readonly #received = (compressed: boolean, message: Buffer): void => {
    if (this.#closed) return;
    const plain = compressed ? this.#inflate(message) : message;
    if (plain === undefined) return;
    if (this.#paused) this.#waiting.push(plain);
    else this.#tell(plain);
  };

  /** The message without compression; undefined when that ended the call. */
  #inflate(message: Buffer): Buffer | undefined {
    if (!this.#options.gzip) {
      this.end(Status.internal, 'a compressed message without grpc-encoding');
      return undefined;
    }
    try {
      return gunzipSync(message, { maxOutputLength: this.#options.maxReceiveBytes });
    } catch (error) {
      const tooLarge = error instanceof RangeError;
      const status = tooLarge ? Status.resourceExhausted : Status.internal;
      this.end(status, tooLarge ? 'a message inflates to too much' : 'a message is not gzip');
      return undefined;
    }
  }

  #tell(message: Buffer): void {
    if (this.#closed) return;
    try {
      this.#listener.onMessage?.(message);
    } catch (error) {
      this.#fail(error);
    }
  }

  #tellHalfClose(): void {
    if (!this.#remoteEnded || this.#halfCloseTold || this.#closed) return;
    this.#halfCloseTold = true;
    this.#guarded(() => this.#listener.onHalfClose?.());
  }

  /** Read through a method: a listener may pause in the middle of a loop that the compiler takes for granted. */
  #isPaused(): boolean {
    return this.#paused;
  }

  #expire(): void {
    if (this.#closed) return;
    this.#expired = true;
    const { answered } = this.#stream;
    const ending = {
      status: Status.deadlineExceeded,
      message: 'deadline exceeded',
      trailers: undefined,
    };
    const block = endingBlock(ending, { answered });
    if (!answered) this.#stream.respond(block, { endStream: true });
    // A backlog would hold the status back; the client's own deadline has passed as well.
    else if (this.#stream.queuedBytes > 0) this.#stream.reset(cancelCode);
    else this.#stream.finish(block);
  }

  #closeOf(end: StreamEnd): StreamClose {
    if (this.#expired) return { reason: 'deadline' };
    return end.reason === 'reset' || end.reason === 'refused'
      ? { reason: end.reason, errorCode: end.errorCode }
      : { reason: end.reason };
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#options.logger.error('A handler failed', { method: this.method, error });
    this.end(Status.internal, 'internal error');
  }
}

/** HTTP/2 CANCEL. */
const cancelCode = 8;
