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
  // Fields may come in any order, so end_of_stream goes first and the message ends with the body.
  const eosLength = options.endOfStream ? 2 : 0;
  const streamed = eosLength + 1 + varintLength(body.length) + body.length;
  const mutation = 1 + varintLength(streamed) + streamed;
  const common = 1 + varintLength(mutation) + mutation;
  const response = 1 + varintLength(common) + common;
  const head = Buffer.allocUnsafe(1 + varintLength(response) + response - body.length);
  let at = 0;
  const put = (tag: number, value: number): void => {
    head[at++] = tag;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) head[at++] = (rest & 0x7f) | 0x80;
    head[at++] = rest;
  };
  put(phaseTag[phase], response);
  put(commonResponseTag, common);
  put(bodyMutationTag, mutation);
  put(streamedResponseTag, streamed);
  if (options.endOfStream) put(endOfStreamTag, 1);
  put(bodyTag, body.length);
  return [head, body];
}
