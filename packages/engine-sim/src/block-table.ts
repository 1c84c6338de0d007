// SPDX-License-Identifier: Apache-2.0

/** No block. */
export const NONE = -1;

/**
 * From block keys to block numbers: open addressing over typed arrays, so that look-ups of boxed doubles and their
 * garbage stay out of the step loop. Holds at most as many keys as it was made for.
 */
export class BlockTable {
  readonly #keys: Float64Array;
  readonly #values: Int32Array;
  readonly #mask: number;
  #size = 0;

  constructor(capacity: number) {
    // At most half full: probes stay short.
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * capacity)));
    this.#keys = new Float64Array(slots);
    this.#values = new Int32Array(slots).fill(NONE);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The block under `key`, or {@link NONE}. */
  get(key: number): number {
    return this.#values[this.#slotOf(key)] ?? NONE;
  }

  /** Puts `block` under `key`, in place of any other. */
  set(key: number, block: number): void {
    const slot = this.#slotOf(key);
    if (this.#values[slot] === NONE) this.#size++;
    this.#keys[slot] = key;
    this.#values[slot] = block;
  }

  /** Forgets `key`, if it is there. */
  delete(key: number): void {
    let hole = this.#slotOf(key);
    if (this.#values[hole] === NONE) return;
    this.#size--;
    // Moves later keys of the probe run into the hole, so that no tombstones pile up.
    for (
      let slot = (hole + 1) & this.#mask;
      this.#values[slot] !== NONE;
      slot = (slot + 1) & this.#mask
    ) {
      const home = this.#homeOf(this.#keys[slot] ?? 0);
      if (((slot - home) & this.#mask) < ((slot - hole) & this.#mask)) continue;
      this.#keys[hole] = this.#keys[slot] ?? 0;
      this.#values[hole] = this.#values[slot] ?? NONE;
      hole = slot;
    }
    this.#values[hole] = NONE;
  }

  clear(): void {
    this.#values.fill(NONE);
    this.#size = 0;
  }

  /** The slot that holds `key`, or the empty one where it belongs. */
  #slotOf(key: number): number {
    let slot = this.#homeOf(key);
    while (this.#values[slot] !== NONE && this.#keys[slot] !== key) slot = (slot + 1) & this.#mask;
    return slot;
  }

  /** Keys are hashes already; their low 32 bits are as good as any. */
  #homeOf(key: number): number {
    return (key | 0) & this.#mask;
  }
}
