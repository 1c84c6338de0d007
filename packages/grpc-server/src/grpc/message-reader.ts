// SPDX-License-Identifier: Apache-2.0

/** Takes one message. `message` is a view of what was pushed when it came in one piece. */
export type MessageSink = (compressed: boolean, message: Buffer) => void;

/** A message announced more bytes than are accepted, or a prefix that gRPC does not know. */
export class MessagePrefixError extends Error {
  readonly code: 'MESSAGE_TOO_LARGE' | 'BAD_MESSAGE_PREFIX';
  constructor(code: 'MESSAGE_TOO_LARGE' | 'BAD_MESSAGE_PREFIX', message: string) {
    super(message);
    this.name = 'MessagePrefixError';
    this.code = code;
  }
}

const prefixLength = 5;
const empty = Buffer.alloc(0);

/** Memory is given as bytes come, not as a prefix promises: 4096 prefixes must not take 16 GiB. */
const firstAllocation = 64 * 1024;

/** Cuts DATA payloads into gRPC messages. Only a message that several frames share is copied. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #sink: MessageSink;
  /** A prefix that two payloads share, or that of the message being put together. */
  #prefix = empty;
  #prefixFilled = 0;
  #length = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;

  constructor(maxBytes: number, sink: MessageSink) {
    this.#maxBytes = maxBytes;
    this.#sink = sink;
  }

  /** Between two messages: where a peer may stop sending. */
  get atBoundary(): boolean {
    return this.#prefixFilled === 0;
  }

  /** Throws {@link MessagePrefixError}. */
  push(payload: Buffer): void {
    let at = 0;
    while (at < payload.length) {
      if (this.#body !== undefined) {
        at = this.#fill(this.#body, payload, at);
      } else if (this.#prefixFilled > 0 || payload.length - at < prefixLength) {
        if (this.#prefix === empty) this.#prefix = Buffer.allocUnsafe(prefixLength);
        const copied = payload.copy(this.#prefix, this.#prefixFilled, at);
        this.#prefixFilled += copied;
        at += copied;
        if (this.#prefixFilled === prefixLength) at = this.#begin(this.#prefix, 0, { payload, at });
      } else {
        at = this.#begin(payload, at, { payload, at: at + prefixLength });
      }
    }
  }

  #begin(
    prefix: Buffer,
    prefixAt: number,
    body: { readonly payload: Buffer; readonly at: number },
  ): number {
    const flag = prefix[prefixAt] ?? 0;
    const length = prefix.readUInt32BE(prefixAt + 1);
    if (flag > 1) throw new MessagePrefixError('BAD_MESSAGE_PREFIX', `message flag ${flag}`);
    if (length > this.#maxBytes)
      throw new MessagePrefixError(
        'MESSAGE_TOO_LARGE',
        `a message of ${length} bytes is larger than ${this.#maxBytes}`,
      );
    const { payload, at } = body;
    const end = at + length;
    if (end <= payload.length) {
      this.#prefixFilled = 0;
      this.#sink(flag === 1, length === 0 ? empty : payload.subarray(at, end));
      return end;
    }
    if (this.#prefix === empty) this.#prefix = Buffer.allocUnsafe(prefixLength);
    this.#prefix[0] = flag;
    this.#prefixFilled = prefixLength;
    this.#length = length;
    this.#body = Buffer.allocUnsafeSlow(Math.min(length, firstAllocation));
    this.#bodyFilled = 0;
    return at === payload.length ? at : this.#fill(this.#body, payload, at);
  }

  #fill(body: Buffer, payload: Buffer, at: number): number {
    const size = Math.min(this.#length - this.#bodyFilled, payload.length - at);
    const room = this.#grow(body, this.#bodyFilled + size);
    payload.copy(room, this.#bodyFilled, at, at + size);
    this.#bodyFilled += size;
    if (this.#bodyFilled === this.#length) {
      this.#body = undefined;
      this.#prefixFilled = 0;
      this.#sink(this.#prefix[0] === 1, room);
    }
    return at + size;
  }

  /** At least `needed` bytes, with what is filled; doubling keeps the copies to one more on average. */
  #grow(body: Buffer, needed: number): Buffer {
    if (needed <= body.length) return body;
    const larger = Buffer.allocUnsafeSlow(
      Math.min(this.#length, Math.max(needed, body.length * 2)),
    );
    body.copy(larger, 0, 0, this.#bodyFilled);
    this.#body = larger;
    return larger;
  }
}
