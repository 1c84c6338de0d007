// SPDX-License-Identifier: Apache-2.0

/** What a `ProcessingResponse` is about: the number of its first field, which is that of its oneof. */
export const Answered = {
  requestHeaders: 1,
  responseHeaders: 2,
  requestBody: 3,
  responseBody: 4,
  immediate: 7,
} as const;

/** The field that a message begins with; 0 for an empty message. */
export const phaseOf = (message: Buffer): number => (message[0] ?? 0) >> 3;

/** Whether a body answer carries the end of the body, wherever its encoder put that field. */
export function endsStream(message: Buffer): boolean {
  // ProcessingResponse.*_body(3|4) → BodyResponse.response(1) → CommonResponse.body_mutation(3) → streamed_response(3).
  let range: Range | undefined = { at: 0, end: message.length };
  for (const field of [phaseOf(message), 1, 3, 3]) range = range && find(message, range, field);
  return range !== undefined && find(message, range, 2) !== undefined;
}

interface Range {
  readonly at: number;
  readonly end: number;
}

/** Content of the first field with this number, of wire type varint or length-delimited. */
function find(bytes: Buffer, { at, end }: Range, field: number): Range | undefined {
  while (at < end) {
    const tag = bytes[at++] ?? 0;
    if ((tag & 7) === 0) {
      const from = at;
      while ((bytes[at++] ?? 0) >= 0x80);
      if (tag >> 3 === field) return { at: from, end: at };
      continue;
    }
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (tag >> 3 === field) return { at, end: at + length };
    at += length;
  }
  return undefined;
}
