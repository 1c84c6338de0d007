// SPDX-License-Identifier: Apache-2.0

/** Bytes of a body in one message, as in llm-d: with its framing it fits into the 64 KB that every proxy takes. */
export const BODY_MESSAGE_BYTES = 62_000;

/** The bytes of one message: pieces that follow each other. */
export interface BodyMessage {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
}

/** Cuts a body that comes in pieces so that each message is as full as it may be; none for no bytes. Nothing is copied. */
export function bodyMessages(pieces: readonly Uint8Array[]): BodyMessage[] {
  const messages: BodyMessage[] = [];
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    let rest = piece;
    while (bytes + rest.length >= BODY_MESSAGE_BYTES) {
      const room = BODY_MESSAGE_BYTES - bytes;
      waiting.push(rest.subarray(0, room));
      messages.push({ pieces: waiting, bytes: BODY_MESSAGE_BYTES });
      waiting = [];
      bytes = 0;
      rest = rest.subarray(room);
    }
    if (rest.length === 0) continue;
    waiting.push(rest);
    bytes += rest.length;
  }
  if (bytes > 0) messages.push({ pieces: waiting, bytes });
  return messages;
}
