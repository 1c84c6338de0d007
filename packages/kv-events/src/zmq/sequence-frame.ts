// SPDX-License-Identifier: Apache-2.0

/** The number of a batch as engines send it: 8 bytes, big-endian. */
export function sequenceFrame(sequence: number): Buffer {
  const frame = Buffer.allocUnsafe(8);
  frame.writeBigUInt64BE(BigInt(sequence));
  return frame;
}

/**
 * The number in a frame, `end` for the mark after the last batch of a replay (all bits set), and undefined for anything
 * that is no number of a batch.
 */
export function readSequence(frame: Buffer | undefined): number | 'end' | undefined {
  if (frame?.length !== 8) return undefined;
  const high = frame.readUInt32BE(0);
  const low = frame.readUInt32BE(4);
  if (high === 0xffffffff && low === 0xffffffff) return 'end';
  const sequence = high * 2 ** 32 + low;
  return Number.isSafeInteger(sequence) ? sequence : undefined;
}
