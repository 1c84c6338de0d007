// SPDX-License-Identifier: Apache-2.0

/** Which body a chunk belongs to. */
export type BodyPhase = 'requestBody' | 'responseBody';

/** Length-delimited field: its number shifted by three, plus wire type 2. */
const lengthDelimited = (field: number): number => (field << 3) | 2;

const phaseTag: Readonly<Record<BodyPhase, number>> = {
  requestBody: lengthDelimited(3),
  responseBody: lengthDelimited(4),
};
const commonResponseTag = lengthDelimited(1);
const bodyMutationTag = lengthDelimited(3);
const streamedResponseTag = lengthDelimited(3);
const bodyTag = lengthDelimited(1);
const endOfStreamTag = 2 << 3;

const varintLength = (value: number): number => {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
};

/**
 * A `ProcessingResponse` that passes one body chunk on in FULL_DUPLEX_STREAMED mode, as two parts to be sent one
 * after the other: a few bytes of framing, then `body` itself, which is not copied. The last chunk sets `endOfStream`.
 */
export function streamedBodyParts(
  phase: BodyPhase,
  body: Uint8Array,
  options: { readonly endOfStream: boolean },
): readonly [head: Buffer, body: Uint8Array] {
  return [streamedBodyHead(phase, body.length, options), body];
}

/** The framing of a chunk of `length` bytes, which must follow it: {@link streamedBodyParts} for bytes in several pieces. */
export function streamedBodyHead(
  phase: BodyPhase,
  length: number,
  options: { readonly endOfStream: boolean },
): Buffer {
  // Fields may come in any order, so end_of_stream goes first and the message ends with the body.
  const eosLength = options.endOfStream ? 2 : 0;
  const streamed = eosLength + 1 + varintLength(length) + length;
  const mutation = 1 + varintLength(streamed) + streamed;
  const common = 1 + varintLength(mutation) + mutation;
  const response = 1 + varintLength(common) + common;
  const head = Buffer.allocUnsafe(1 + varintLength(response) + response - length);
  let at = put(head, 0, phaseTag[phase], response);
  at = put(head, at, commonResponseTag, common);
  at = put(head, at, bodyMutationTag, mutation);
  at = put(head, at, streamedResponseTag, streamed);
  if (options.endOfStream) at = put(head, at, endOfStreamTag, 1);
  put(head, at, bodyTag, length);
  return head;
}

/** Writes a tag and a number at `at`; returns where they end. */
function put(target: Buffer, at: number, tag: number, value: number): number {
  let end = at;
  target[end++] = tag;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[end++] = (rest & 0x7f) | 0x80;
  target[end++] = rest;
  return end;
}
