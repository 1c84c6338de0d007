// SPDX-License-Identifier: Apache-2.0

/**
 * How a stream ended: `early` by us while the peer could still be sending, so late frames are innocent; `reset` by
 * the peer; `complete` by both sides.
 */
export type Closing = 'early' | 'reset' | 'complete';

/** Remembers the streams that closed last, so that a late frame can be told from a wrong one. */
export class ClosedStreams {
  readonly #ids: Uint32Array;
  readonly #how: Closing[];
  #next = 0;

  /** `capacity` must be a power of two. */
  constructor(capacity: number) {
    this.#ids = new Uint32Array(capacity);
    this.#how = new Array<Closing>(capacity).fill('complete');
  }

  add(streamId: number, how: Closing): void {
    this.#ids[this.#next] = streamId;
    this.#how[this.#next] = how;
    this.#next = (this.#next + 1) & (this.#ids.length - 1);
  }

  /** How the stream ended; undefined when that was too long ago, or it was never opened. */
  get(streamId: number): Closing | undefined {
    const at = this.#ids.lastIndexOf(streamId);
    return at === -1 ? undefined : this.#how[at];
  }
}
