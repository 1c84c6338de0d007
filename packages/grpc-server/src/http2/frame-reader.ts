// SPDX-License-Identifier: Apache-2.0
import { ConnectionError, ErrorCode, frameHeaderLength } from './protocol.ts';

/** Takes one frame. `payload` may be a view of what the socket read. Returns false to hear no more. */
export type FrameSink = (type: number, flags: number, streamId: number, payload: Buffer) => boolean;

const empty = Buffer.alloc(0);

/** Cuts a byte stream into frames. Only a frame that two reads share is copied. */
export class FrameReader {
  readonly #maxFrameSize: number;
  readonly #sink: FrameSink;
  readonly #head = Buffer.allocUnsafeSlow(frameHeaderLength);
  #headFilled = 0;
  /** The payload being completed, once it is known not to be whole in one read. */
  #payload: Buffer | undefined;
  #payloadFilled = 0;
  #stopped = false;

  constructor(maxFrameSize: number, sink: FrameSink) {
    this.#maxFrameSize = maxFrameSize;
    this.#sink = sink;
  }

  /** Throws {@link ConnectionError} on a frame larger than the limit, and what the sink throws. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#payload !== undefined) at = this.#fillPayload(this.#payload, chunk, at);
      else if (this.#headFilled > 0 || chunk.length - at < frameHeaderLength)
        at = this.#fillHead(chunk, at);
      else at = this.#begin(chunk, { headAt: at, chunk, at: at + frameHeaderLength });
    }
  }

  #fillHead(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#head, this.#headFilled, at);
    this.#headFilled += copied;
    const next = at + copied;
    if (this.#headFilled < frameHeaderLength) return next;
    return this.#begin(this.#head, { headAt: 0, chunk, at: next });
  }

  /** Reads the header in `head`; its payload starts at `at` in the chunk. Returns where reading goes on. */
  #begin(
    head: Buffer,
    where: { readonly headAt: number; readonly chunk: Buffer; readonly at: number },
  ): number {
    const { headAt, chunk, at } = where;
    const length = lengthOf(head, headAt);
    if (length > this.#maxFrameSize)
      throw new ConnectionError(ErrorCode.frameSizeError, `a frame of ${length} bytes`);
    const end = at + length;
    if (end <= chunk.length) {
      this.#headFilled = 0;
      this.#emit(head, headAt, length === 0 ? empty : chunk.subarray(at, end));
      return end;
    }
    if (head !== this.#head) head.copy(this.#head, 0, headAt, headAt + frameHeaderLength);
    this.#headFilled = frameHeaderLength;
    this.#payload = Buffer.allocUnsafeSlow(length);
    this.#payloadFilled = chunk.copy(this.#payload, 0, at);
    return chunk.length;
  }

  #fillPayload(payload: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(payload, this.#payloadFilled, at);
    this.#payloadFilled += copied;
    if (this.#payloadFilled === payload.length) {
      this.#payload = undefined;
      this.#headFilled = 0;
      this.#emit(this.#head, 0, payload);
    }
    return at + copied;
  }

  #emit(head: Buffer, at: number, payload: Buffer): void {
    const streamId = head.readUInt32BE(at + 5) & 0x7fffffff;
    this.#stopped = !this.#sink(head[at + 3] ?? 0, head[at + 4] ?? 0, streamId, payload);
  }
}

const lengthOf = (head: Buffer, at: number): number =>
  ((head[at] ?? 0) << 16) | ((head[at + 1] ?? 0) << 8) | (head[at + 2] ?? 0);
