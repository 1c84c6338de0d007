// SPDX-License-Identifier: Apache-2.0

const PREFIX_BYTES = 5;

/** A message as gRPC puts it on a stream: a flag, its length, its bytes. */
export function framed(
  message: Uint8Array,
  options: { readonly compressed?: boolean } = {},
): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  bytes[0] = options.compressed === true ? 1 : 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** A message of a stream. */
export interface ReceivedMessage {
  readonly isCompressed: boolean;
  /** A view where the message came in one piece. */
  readonly bytes: Buffer;
}

/** Takes the bytes of a stream as they come and gives the messages that are complete. */
export class MessageReader {
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** Messages that `chunk` completes. */
  push(chunk: Buffer): readonly ReceivedMessage[] {
    this.#rest.push(chunk);
    this.#restBytes += chunk.length;
    const messages: ReceivedMessage[] = [];
    for (let message = this.#take(); message !== undefined; message = this.#take()) {
      messages.push(message);
    }
    return messages;
  }

  #take(): ReceivedMessage | undefined {
    if (this.#restBytes < PREFIX_BYTES) return undefined;
    let [head = Buffer.alloc(0)] = this.#rest;
    if (head.length < PREFIX_BYTES) head = this.#join();
    const end = PREFIX_BYTES + head.readUInt32BE(1);
    if (this.#restBytes < end) return undefined;
    if (head.length < end) head = this.#join();
    this.#restBytes -= end;
    if (head.length === end) this.#rest.shift();
    else this.#rest[0] = head.subarray(end);
    return { isCompressed: head[0] === 1, bytes: head.subarray(PREFIX_BYTES, end) };
  }

  #join(): Buffer {
    const joined = Buffer.concat(this.#rest);
    this.#rest = [joined];
    return joined;
  }
}
