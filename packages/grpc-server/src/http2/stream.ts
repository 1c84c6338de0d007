// SPDX-License-Identifier: Apache-2.0
import type { FrameWriter } from './frame-writer.ts';
import { Flag, FrameType } from './protocol.ts';
import type { RequestHead } from './request-head.ts';

/** How a stream ended, for whoever served it. */
export type StreamEnd =
  /** Everything we had to say has been handed to the socket. */
  | { readonly reason: 'finished' }
  /** The peer sent RST_STREAM. */
  | { readonly reason: 'reset'; readonly errorCode: number }
  /** We reset it: for an offence of the peer, a stall, or because the application asked. */
  | { readonly reason: 'refused'; readonly errorCode: number }
  | { readonly reason: 'connection-lost' };

/** Serves one stream. None of these is called after `closed`, which comes exactly once. */
export interface StreamHandler {
  /** Payload of a DATA frame, a view of what the socket read. The handler reports it with `consumed` some time. */
  data(payload: Buffer): void;
  /** The peer has sent all it will. */
  remoteEnd(): void;
  /** What was queued has left; more may be written. */
  writable(): void;
  closed(end: StreamEnd): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly writer: FrameWriter;
  /** Bytes that may be sent on the connection now: zero when the socket is full. */
  sendWindow(): number;
  readonly maxFrameSize: number;
  /** Tells that bytes were sent. */
  sent(bytes: number): void;
  /** Writes a header block and asks for a flush. */
  headers(stream: Http2Stream, block: Uint8Array, endStream: boolean): void;
  /** The stream has a backlog, or none any more. */
  backlog(stream: Http2Stream): void;
  consumed(stream: Http2Stream, bytes: number): void;
  reset(stream: Http2Stream, errorCode: number): void;
  /** Both sides are done, or ours is and the peer's does not matter. */
  finished(stream: Http2Stream): void;
}

/** Bytes that must leave within the stall time-out. */
const progressBytes = 16_384;
/** Pieces that may have left a queue without being removed from it. */
const releaseAfter = 256;

/** One request and its response: windows, and what could not be sent yet. */
export class Http2Stream {
  readonly id: number;
  readonly head: RequestHead;
  readonly openedAtMs: number;
  handler: StreamHandler | undefined;
  remoteEnded = false;
  /** How it ended; undefined while it is open. */
  end: StreamEnd | undefined;
  /** We have sent HEADERS. */
  answered = false;
  /** Bytes the peer may send. */
  receiveWindow: number;
  /** Bytes that were taken and not yet announced to the peer again. */
  unannounced = 0;
  /** Bytes received and not consumed. */
  held = 0;
  /** Bytes of DATA so far, without padding. */
  received = 0;
  /** Bytes we may send; below zero when the peer lowered its initial window. */
  sendWindow: number;
  /** Since when a backlog makes no progress; meaningful while there is one. */
  stalledSinceMs = 0;

  readonly #host: StreamHost;
  #queue: Uint8Array[] = [];
  /** The piece of the queue that is leaving, and how many of its bytes have left. */
  #piece = 0;
  #offset = 0;
  #queuedBytes = 0;
  #sentSinceMark = 0;
  /** Asked for by `finish`; null ends the body without trailers. */
  #trailers: Uint8Array | null | undefined;

  constructor(
    host: StreamHost,
    init: {
      readonly id: number;
      readonly head: RequestHead;
      readonly openedAtMs: number;
      readonly receiveWindow: number;
      readonly sendWindow: number;
    },
  ) {
    this.#host = host;
    this.id = init.id;
    this.head = init.head;
    this.openedAtMs = init.openedAtMs;
    this.receiveWindow = init.receiveWindow;
    this.sendWindow = init.sendWindow;
  }

  get closed(): boolean {
    return this.end !== undefined;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Sends response headers. Before any data; with `endStream` nothing may follow. */
  respond(block: Uint8Array, options: { readonly endStream: boolean }): void {
    if (this.closed || this.answered) return;
    this.answered = true;
    this.#host.headers(this, block, options.endStream);
    if (options.endStream) this.#host.finished(this);
  }

  /**
   * Sends a gRPC message: `prefix` octet, length, parts. The parts are copied or kept, so they must not change.
   * False when some of it has to wait.
   */
  message(compressed: 0 | 1, parts: readonly Uint8Array[]): boolean {
    if (this.closed) return false;
    const host = this.#host;
    let length = 0;
    for (const part of parts) length += part.length;
    const total = length + 5;
    const room = Math.min(host.maxFrameSize, host.sendWindow(), this.sendWindow);
    if (this.#queuedBytes === 0 && total <= room) {
      host.writer.header(total, FrameType.data, 0, this.id);
      host.writer.prefix(compressed, length);
      for (const part of parts) host.writer.bytes(part);
      this.#account(total);
      return true;
    }
    const prefix = Buffer.allocUnsafe(5);
    prefix[0] = compressed;
    prefix.writeUInt32BE(length, 1);
    return this.write([prefix, ...parts]);
  }

  /** Sends bytes as DATA. The parts are copied or kept, so they must not change. False when some have to wait. */
  write(parts: readonly Uint8Array[]): boolean {
    if (this.closed) return false;
    const idle = this.#queuedBytes === 0;
    for (const part of parts) {
      if (part.length === 0) continue;
      this.#queue.push(part);
      this.#queuedBytes += part.length;
    }
    if (idle) while (this.pump());
    if (this.#queuedBytes === 0) return true;
    this.#host.backlog(this);
    return false;
  }

  /** Ends our side after everything queued, with trailers unless they are null. */
  finish(trailers: Uint8Array | null): void {
    if (this.closed || this.#trailers !== undefined) return;
    this.#trailers = trailers;
    if (this.#queuedBytes === 0) this.#sendTrailers();
  }

  /** Sends at most one frame of the backlog; true when there is more and it could go. */
  pump(): boolean {
    const host = this.#host;
    const size = Math.min(this.#queuedBytes, host.maxFrameSize, host.sendWindow(), this.sendWindow);
    if (this.closed || size <= 0) return false;
    host.writer.header(size, FrameType.data, 0, this.id);
    for (let left = size; left > 0;) left -= this.#copy(left);
    this.#queuedBytes -= size;
    this.#account(size);
    return this.#queuedBytes > 0;
  }

  /** To be called after the backlog has gone. */
  drained(): void {
    if (this.#trailers !== undefined) this.#sendTrailers();
    else this.handler?.writable();
  }

  /** Says that enough has left since the last time to call it progress, and starts counting anew. */
  takeProgress(): boolean {
    if (this.#sentSinceMark < progressBytes) return false;
    this.#sentSinceMark = 0;
    return true;
  }

  /** Reports bytes of `data` as processed, which lets the peer send that many more. */
  consumed(bytes: number): void {
    if (!this.closed) this.#host.consumed(this, bytes);
  }

  reset(errorCode: number): void {
    if (!this.closed) this.#host.reset(this, errorCode);
  }

  /** The connection's last word: nothing is sent or told after this. */
  close(end: StreamEnd): void {
    this.end = end;
    this.#queue = [];
    this.#queuedBytes = 0;
    const handler = this.handler;
    this.handler = undefined;
    handler?.closed(end);
  }

  #sendTrailers(): void {
    if (this.#trailers === undefined) return;
    if (this.#trailers === null)
      this.#host.writer.header(0, FrameType.data, Flag.endStream, this.id);
    else this.#host.headers(this, this.#trailers, true);
    this.#host.finished(this);
  }

  #account(bytes: number): void {
    this.sendWindow -= bytes;
    this.#sentSinceMark += bytes;
    this.#host.sent(bytes);
  }

  /** Lets go of what has left, now and then: a shift of a long array is slow. */
  #release(): void {
    this.#piece++;
    if (this.#piece < this.#queue.length && this.#piece < releaseAfter) return;
    this.#queue.splice(0, this.#piece);
    this.#piece = 0;
  }

  /** Copies up to `limit` bytes of the leaving piece into the frame. */
  #copy(limit: number): number {
    const piece = this.#queue[this.#piece];
    if (piece === undefined) return limit;
    const end = Math.min(piece.length, this.#offset + limit);
    const copied = end - this.#offset;
    this.#host.writer.bytes(piece.subarray(this.#offset, end));
    this.#offset = end;
    if (end === piece.length) {
      this.#offset = 0;
      this.#release();
    }
    return copied;
  }
}
