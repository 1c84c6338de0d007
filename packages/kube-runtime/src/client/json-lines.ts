// SPDX-License-Identifier: Apache-2.0

const NEWLINE = 0x0a;

/**
 * Splits chunks of bytes into the lines of text that they are, without line ends and empty lines. A last line without an
 * end counts. Throws a `RangeError` where a line is longer than `maxLineBytes`.
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<string, void, undefined> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  const add = (bytes: Uint8Array): void => {
    pendingBytes += bytes.length;
    if (pendingBytes > maxLineBytes) {
      throw new RangeError(`a line is longer than ${maxLineBytes} bytes`);
    }
    if (bytes.length > 0) pending.push(bytes);
  };
  const take = (): string => {
    const [only] = pending;
    const line = only !== undefined && pending.length === 1 ? only : Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    return Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8').trim();
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); to !== -1; to = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, to));
      const line = take();
      if (line !== '') yield line;
      from = to + 1;
    }
    add(chunk.subarray(from));
  }
  const last = take();
  if (last !== '') yield last;
}
