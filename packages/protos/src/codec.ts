// SPDX-License-Identifier: Apache-2.0
import protobuf from 'protobufjs/minimal.js';

/** Wire bytes of one message type, both ways. */
export interface Codec<Message, Init> {
  /** The message as wire bytes. Fields that are absent, null or at their default are left out. */
  readonly encode: (message: Init) => Buffer;
  /**
   * The message in `bytes`; unknown fields are dropped, scalars that are missing have their default.
   * Fields of type `bytes` are views of `bytes`, not copies: whoever keeps one keeps the whole message.
   * Throws {@link InvalidMessageError}.
   */
  readonly decode: (bytes: Uint8Array) => Message;
}

/** The bytes are not a message of this type: truncated, nested too deep or with an impossible tag. */
export class InvalidMessageError extends Error {
  readonly code = 'INVALID_PROTOBUF_MESSAGE';
  readonly messageName: string;
  constructor(messageName: string, options: { readonly cause: unknown }) {
    const why = options.cause instanceof Error ? options.cause.message : 'unknown reason';
    super(`${messageName}: ${why}`, options);
    this.name = 'InvalidMessageError';
    this.messageName = messageName;
  }
}

/** What protobufjs generates for a message type, as far as it is used here. */
interface Generated<Message, Init> {
  encode(message: Init): protobuf.Writer;
  decode(reader: protobuf.Reader): Message;
}

/** A codec around generated functions; `generated` must be the ones for `Message`, which the compiler cannot know. */
export function codecOf<Message, Init>(name: string, generated: unknown): Codec<Message, Init> {
  const functions = generated as Generated<Message, Init>;
  return {
    // In Node the writer is protobufjs' BufferWriter.
    encode: (message) => functions.encode(message).finish() as Buffer,
    decode: (bytes) => {
      const reader = protobuf.Reader.create(bytes);
      reader.discardUnknown = true;
      try {
        return functions.decode(reader);
      } catch (cause) {
        throw new InvalidMessageError(name, { cause });
      }
    },
  };
}
