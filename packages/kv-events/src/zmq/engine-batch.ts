// SPDX-License-Identifier: Apache-2.0

/** A batch as it came from an engine, live or by a replay. */
export interface EngineBatch {
  readonly sequence: number;
  /** Undefined in the replays of engines that leave it out. */
  readonly topic: Buffer | undefined;
  readonly payload: Buffer;
  /** Milliseconds of the wall clock. */
  readonly receivedMs: number;
}

/** What a batch costs while it waits: its bytes, and what it takes to keep them. */
export const waitingBytes = ({ payload }: EngineBatch): number => payload.length + 256;
