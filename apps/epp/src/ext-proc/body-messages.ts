// SPDX-License-Identifier: Apache-2.0

/** Bytes of a body in one message, as in llm-d: with its framing it fits into the 64 KB that every proxy takes. */
export const BODY_MESSAGE_BYTES = 62_000;

/** Pieces of a body, put together and cut so that each message is as full as it may be. Empty for an empty body. */
export function* fullMessages(pieces: Iterable<Uint8Array>): Generator<Uint8Array, void, void> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    let rest = piece;
    while (bytes + rest.length >= BODY_MESSAGE_BYTES) {
      const room = BODY_MESSAGE_BYTES - bytes;
      waiting.push(rest.subarray(0, room));
      yield joined(waiting);
      waiting = [];
      bytes = 0;
      rest = rest.subarray(room);
    }
    if (rest.length === 0) continue;
    waiting.push(rest);
    bytes += rest.length;
  }
  if (bytes > 0) yield joined(waiting);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}
