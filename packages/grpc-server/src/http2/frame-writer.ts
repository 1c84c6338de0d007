// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import { blockSize, type BlockPool } from './block-pool.ts';
import { Flag, frameHeaderLength, FrameType } from './protocol.ts';

export interface FrameWriterOptions {
  readonly blocks: BlockPool;
  /** Hears after each flush whether the socket wants more. */
  readonly flushed: (accepted: boolean) => void;
}

/**
 * Collects outgoing frames in blocks and gives them to the socket once per turn of the event loop: everything that
 * the handlers of one turn say leaves in one write.
 */
export class FrameWriter {
  readonly #socket: Duplex;
  readonly #blocks: BlockPool;
  readonly #flushed: (accepted: boolean) => void;
  #block: Buffer;
  /** `block[start, end)` waits; what is before has gone to the socket. */
  #start = 0;
  #end = 0;
  /** Blocks that are full, and the part of each that waits. */
  #full: { readonly block: Buffer; readonly start: number; readonly end: number }[] = [];
  #fullBytes = 0;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(socket: Duplex, { blocks, flushed }: FrameWriterOptions) {
    this.#socket = socket;
    this.#blocks = blocks;
    this.#flushed = flushed;
    this.#block = blocks.take();
  }

  /** Bytes that wait for the end of the turn. */
  get pendingBytes(): number {
    return this.#fullBytes + this.#end - this.#start;
  }

  /** The nine bytes before every payload; the caller then writes exactly `length` bytes. */
  header(length: number, type: number, flags: number, streamId: number): void {
    this.#room(frameHeaderLength);
    const block = this.#block;
    const at = this.#end;
    block[at] = length >>> 16;
    block[at + 1] = length >>> 8;
    block[at + 2] = length;
    block[at + 3] = type;
    block[at + 4] = flags;
    block.writeUInt32BE(streamId, at + 5);
    this.#end = at + frameHeaderLength;
  }

  bytes(bytes: Uint8Array): void {
    const space = blockSize - this.#end;
    if (bytes.length <= space) {
      this.#block.set(bytes, this.#end);
      this.#end += bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length;) {
      this.#room(1);
      const piece = bytes.subarray(at, at + blockSize - this.#end);
      this.#block.set(piece, this.#end);
      this.#end += piece.length;
      at += piece.length;
    }
  }

  /** An octet and a 32-bit number: the prefix of a gRPC message. */
  prefix(octet: number, value: number): void {
    this.#room(5);
    this.#block[this.#end] = octet;
    this.#block.writeUInt32BE(value, this.#end + 1);
    this.#end += 5;
  }

  settings(values: readonly (readonly [id: number, value: number])[]): void {
    this.header(values.length * 6, FrameType.settings, 0, 0);
    for (const [id, value] of values) {
      this.#room(6);
      this.#block.writeUInt16BE(id, this.#end);
      this.#block.writeUInt32BE(value, this.#end + 2);
      this.#end += 6;
    }
  }

  settingsAck(): void {
    this.header(0, FrameType.settings, Flag.ack, 0);
  }

  ping(data: Uint8Array, ack: boolean): void {
    this.header(8, FrameType.ping, ack ? Flag.ack : 0, 0);
    this.bytes(data);
  }

  goaway(lastStreamId: number, errorCode: number): void {
    this.header(8, FrameType.goaway, 0, 0);
    this.#uint32(lastStreamId);
    this.#uint32(errorCode);
  }

  rstStream(streamId: number, errorCode: number): void {
    this.header(4, FrameType.rstStream, 0, streamId);
    this.#uint32(errorCode);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.header(4, FrameType.windowUpdate, 0, streamId);
    this.#uint32(increment);
  }

  /** A header block, cut into CONTINUATION frames where the peer's frame size asks for it. */
  headers(
    streamId: number,
    block: Uint8Array,
    options: { readonly endStream: boolean; readonly maxFrameSize: number },
  ): void {
    const { maxFrameSize } = options;
    const endStream = options.endStream ? Flag.endStream : 0;
    for (let at = 0, type: number = FrameType.headers; ; type = FrameType.continuation) {
      const length = Math.min(maxFrameSize, block.length - at);
      const last = at + length === block.length;
      const flags = (last ? Flag.endHeaders : 0) | (at === 0 ? endStream : 0);
      this.header(length, type, flags, streamId);
      this.bytes(length === block.length ? block : block.subarray(at, at + length));
      at += length;
      if (last) return;
    }
  }

  /** Asks for a flush at the end of this turn. Everything above only collects. */
  schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      this.flush();
    });
  }

  flush(): void {
    this.cancel();
    if (this.pendingBytes === 0) return;
    const last = this.#block.subarray(this.#start, this.#end);
    this.#start = this.#end;
    if (this.#full.length === 0) {
      this.#flushed(this.#socket.write(last));
      return;
    }
    this.#socket.cork();
    for (const { block, start, end } of this.#full)
      this.#socket.write(block.subarray(start, end), (error) => {
        // What was written of the block before has been sent before.
        if (!error) this.#blocks.give(block);
      });
    this.#full = [];
    this.#fullBytes = 0;
    const accepted = this.#socket.write(last);
    this.#socket.uncork();
    this.#flushed(accepted);
  }

  /** Forgets a scheduled flush. */
  cancel(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }

  #uint32(value: number): void {
    this.#room(4);
    this.#block.writeUInt32BE(value, this.#end);
    this.#end += 4;
  }

  /** Makes `size` contiguous bytes free. A part that the socket was given is not written to until it is sent. */
  #room(size: number): void {
    if (this.#end + size <= blockSize) return;
    this.#full.push({ block: this.#block, start: this.#start, end: this.#end });
    this.#fullBytes += this.#end - this.#start;
    this.#block = this.#blocks.take();
    this.#start = 0;
    this.#end = 0;
  }
}
