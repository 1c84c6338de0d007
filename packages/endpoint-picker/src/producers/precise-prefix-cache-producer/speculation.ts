// SPDX-License-Identifier: Apache-2.0

/** A prompt that was sent somewhere, whose blocks are taken for cached there until events tell or time is up. */
export interface SpeculativeEntry {
  readonly requestId: string;
  /** Slot of the endpoint. */
  readonly slot: number;
  /** Request keys of its blocks, as pairs. */
  readonly keys: Uint32Array;
  /** Clock reading (ms) from which it no longer counts. */
  readonly untilMs: number;
  /** Block that makes the entry superfluous once the engine reports it; -1: none does. */
  readonly confirmingBlock: number;
}

export interface SpeculationOptions {
  /** Most entries; the oldest makes room. */
  readonly maxEntries: number;
}

/**
 * Remembers where prompts were sent a moment ago. Keys of a chain are equal only where everything before them is, so
 * what an entry has in common with a prompt is found by comparing few of its keys, and an entry costs the same
 * whatever its length. Entries must be added in the order of their ends.
 */
export class Speculation {
  readonly #maxEntries: number;
  /** Of each slot, the oldest in front. */
  readonly #bySlot: (Set<SpeculativeEntry> | undefined)[] = [];
  readonly #all = new Set<SpeculativeEntry>();

  constructor({ maxEntries }: SpeculationOptions) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Those there are, the oldest in front. */
  entries(): Iterable<SpeculativeEntry> {
    return this.#all;
  }

  /** Those of a slot, the oldest in front. */
  entriesOf(slot: number): Iterable<SpeculativeEntry> {
    return this.#bySlot[slot] ?? [];
  }

  add(entry: SpeculativeEntry): void {
    if (entry.keys.length === 0) return;
    for (const oldest of this.#all) {
      if (this.#all.size < this.#maxEntries) break;
      this.delete(oldest);
    }
    this.#all.add(entry);
    (this.#bySlot[entry.slot] ??= new Set()).add(entry);
  }

  /** Does nothing where it is gone already. */
  delete(entry: SpeculativeEntry): void {
    if (this.#all.delete(entry)) this.#bySlot[entry.slot]?.delete(entry);
  }

  /** Forgets an endpoint. */
  clear(slot: number): void {
    for (const entry of this.#bySlot[slot] ?? []) this.#all.delete(entry);
    this.#bySlot[slot] = undefined;
  }

  /** Drops what has ended by a clock reading. */
  expire(nowMs: number): void {
    for (const entry of this.#all) {
      if (entry.untilMs > nowMs) return;
      this.delete(entry);
    }
  }

  /** How many leading blocks of a chain of keys are taken for cached in a slot. */
  coveredBlocks(slot: number, keys: Uint32Array): number {
    let covered = 0;
    for (const entry of this.#bySlot[slot] ?? []) {
      // Only an entry that has the next block too can make it more.
      if (isSame(entry.keys, keys, covered)) covered = commonBlocks(entry.keys, keys, covered + 1);
    }
    return covered;
  }
}

/** Length of the common beginning of two chains that share `known` blocks. */
function commonBlocks(one: Uint32Array, other: Uint32Array, known: number): number {
  let low = known;
  let high = Math.min(one.length, other.length) >>> 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isSame(one, other, middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether both chains have the same block in a place. */
const isSame = (one: Uint32Array, other: Uint32Array, block: number): boolean =>
  2 * block < one.length &&
  one[2 * block] === other[2 * block] &&
  one[2 * block + 1] === other[2 * block + 1];
