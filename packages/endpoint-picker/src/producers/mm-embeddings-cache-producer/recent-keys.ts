// SPDX-License-Identifier: Apache-2.0

/** A bounded set of keys: beyond the bound the one unused for longest goes. */
export class RecentKeys {
  readonly #capacity: number;
  /** Least recently used first. */
  readonly #keys = new Set<string>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Does not count as a use. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Adds the key, or makes it the most recently used one. */
  touch(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= this.#capacity) return;
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      return;
    }
  }
}
