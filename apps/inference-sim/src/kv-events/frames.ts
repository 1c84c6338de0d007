// SPDX-License-Identifier: Apache-2.0
import type { PublishedBatch } from './replay-buffer.ts';
import type { ReplayLayout } from './kv-events-options.ts';

/** Batch numbers are eight bytes, most significant first. */
export function sequenceFrame(sequence: number): Buffer {
  const frame = Buffer.allocUnsafe(8);
  frame.writeUInt32BE(Math.floor(sequence / 2 ** 32), 0);
  frame.writeUInt32BE(sequence >>> 0, 4);
  return frame;
}

/** Reads a number of any length, as vLLM does; what is beyond 2⁵³ is not exact. */
export function readSequence(frame: Uint8Array): number {
  return frame.reduce((value, byte) => value * 256 + byte, 0);
}

const EMPTY = Buffer.alloc(0);
/** All ones, in place of a number: nothing follows. */
const END = Buffer.alloc(8, 0xff);

/** What a replay client gets of one batch, after the delimiter. */
export function replayFrames(
  { sequence, payload }: PublishedBatch,
  topic: string,
  layout: ReplayLayout,
): Buffer[] {
  const numbered = [sequenceFrame(sequence), payload];
  return layout === 'vllm' ? [Buffer.from(topic), ...numbered] : numbered;
}

/** What ends a replay, after the delimiter. */
export function endFrames(layout: ReplayLayout): Buffer[] {
  return layout === 'vllm' ? [EMPTY, END, EMPTY] : [END, EMPTY];
}
