// SPDX-License-Identifier: Apache-2.0

/** A batch as it was published. */
export interface PublishedBatch {
  readonly sequence: number;
  readonly payload: Buffer;
}

/** The latest batches of a publisher's life, for those who missed them. */
export class ReplayBuffer {
  readonly #capacity: number;
  readonly #payloads: Buffer[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Adds the batch with the next number; the oldest one makes room. */
  add(payload: Buffer): void {
    this.#payloads[this.#next % this.#capacity] = payload;
    this.#next++;
  }

  /** What there is from a number on, oldest first. What is no longer there is passed over. */
  from(sequence: number): PublishedBatch[] {
    const batches: PublishedBatch[] = [];
    for (let i = Math.max(sequence, this.#next - this.#capacity, 0); i < this.#next; i++) {
      const payload = this.#payloads[i % this.#capacity];
      if (payload !== undefined) batches.push({ sequence: i, payload });
    }
    return batches;
  }
}
