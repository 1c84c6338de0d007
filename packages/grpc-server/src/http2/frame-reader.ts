// SPDX-License-Identifier: Apache-2.0
import { ConnectionError, ErrorCode, Flag, frameHeaderLength, FrameType } from './protocol.ts';

/** Takes one frame. `payload` may be a view of what the socket read. Returns false to hear no more. */
export type FrameSink = (type: number, flags: number, streamId: number, payload: Buffer) => boolean;

const empty = Buffer.alloc(0);

export interface FrameReaderOptions {
  readonly maxFrameSize: number;
  /**
   * Whether a DATA frame that several reads share is given as several, the last with its flags, so that nobody copies
   * it. Default no.
   */
  readonly splitsData?: boolean;
}

/** Cuts a byte stream into frames. Only a frame that two reads share is copied. */
export class FrameReader {
  readonly #maxFrameSize: number;
  readonly #splitsData: boolean;
  readonly #sink: FrameSink;
  readonly #head = Buffer.allocUnsafeSlow(frameHeaderLength);
  #headFilled = 0;
  /** The payload being completed, once it is known not to be whole in one read. */
  #payload: Buffer | undefined;
  #payloadFilled = 0;
  /** Bytes that are missing of a DATA frame which is given in pieces. */
  #dataMissing = 0;
  #stopped = false;

  constructor({ maxFrameSize, splitsData = false }: FrameReaderOptions, sink: FrameSink) {
    this.#maxFrameSize = maxFrameSize;
    this.#splitsData = splitsData;
    this.#sink = sink;
  }

  /** Throws {@link ConnectionError} on a frame larger than the limit, and what the sink throws. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#dataMissing > 0) at = this.#giveData(chunk, at);
      else if (this.#payload !== undefined) at = this.#fillPayload(this.#payload, chunk, at);
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
    if (this.#splitsData && isPlainData(head, headAt)) {
      this.#headFilled = 0;
      this.#dataMissing = length;
      return at === chunk.length ? at : this.#giveData(chunk, at);
    }
    this.#headFilled = frameHeaderLength;
    this.#payload = Buffer.allocUnsafeSlow(length);
    this.#payloadFilled = chunk.copy(this.#payload, 0, at);
    return chunk.length;
  }

  /** Gives what has come of a DATA frame that goes on, or its end. */
  #giveData(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#dataMissing);
    this.#dataMissing -= end - at;
    const notYet = this.#dataMissing > 0 ? Flag.endStream : 0;
    this.#emit(this.#head, 0, chunk.subarray(at, end), notYet);
    return end;
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

  #emit(head: Buffer, at: number, payload: Buffer, withoutFlags = 0): void {
    const streamId = head.readUInt32BE(at + 5) & 0x7fffffff;
    const flags = (head[at + 4] ?? 0) & ~withoutFlags;
    this.#stopped = !this.#sink(head[at + 3] ?? 0, flags, streamId, payload);
  }
}

/** Whether this is a DATA frame without padding, of which any part is as good as the whole. */
const isPlainData = (head: Buffer, at: number): boolean =>
  head[at + 3] === FrameType.data && ((head[at + 4] ?? 0) & Flag.padded) === 0;

const lengthOf = (head: Buffer, at: number): number =>
  ((head[at] ?? 0) << 16) | ((head[at + 1] ?? 0) << 8) | (head[at + 2] ?? 0);
