// SPDX-License-Identifier: Apache-2.0

/** Blocks in host memory, by key: a bounded set that gives up what was used longest ago. */
export class LruTier {
  readonly capacity: number;
  /** From the least to the most recently used. */
  readonly #keys = new Set<number>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Reads only: looking is not using. */
  has(key: number): boolean {
    return this.#keys.has(key);
  }

  keys(): Iterable<number> {
    return this.#keys;
  }

  /** Notes the use of those blocks of a chain that are here. Its first block becomes the most recent one. */
  touch(chain: Float64Array, length: number): void {
    for (let i = length - 1; i >= 0; i--) {
      const key = chain[i] ?? NaN;
      if (this.#keys.delete(key)) this.#keys.add(key);
    }
  }

  /**
   * Puts in different blocks that are not here, in chain order, and returns what had to give way. More than fit are not
   * put in at all: undefined.
   */
  store(chain: readonly number[]): number[] | undefined {
    if (chain.length > this.capacity) return undefined;
    const evicted: number[] = [];
    for (const key of this.#keys) {
      if (this.#keys.size + chain.length <= this.capacity) break;
      this.#keys.delete(key);
      evicted.push(key);
    }
    // A prefix outlives what follows it.
    for (const key of chain.toReversed()) this.#keys.add(key);
    return evicted;
  }

  clear(): void {
    this.#keys.clear();
  }
}
