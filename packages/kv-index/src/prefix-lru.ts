// SPDX-License-Identifier: Apache-2.0

/**
 * Which blocks one server probably holds: a set of block keys with a bound that forgets the least recently used.
 * Keys are whole numbers up to 2⁵³, evenly spread in their low bits, such as `PrefixHasher.keys` gives.
 */
export interface PrefixLru {
  /** Blocks in the set. */
  readonly size: number;
  readonly capacity: number;
  /**
   * How many leading keys of the chain are in the set without a gap. Reads only: looking is not using.
   */
  matchLength(chain: Float64Array): number;
  /**
   * Notes that a server computes or reuses this chain. Its first blocks count as the most recent, because engines
   * give up a prompt from its end. Of a chain longer than the capacity the beginning is kept.
   */
  touch(chain: Float64Array): void;
  /** Changes the bound, forgetting the least recently used blocks that no longer fit. */
  setCapacity(capacity: number): void;
  clear(): void;
}

/** An empty set for at most `capacity` ≥ 1 blocks. Memory (about 28 bytes a block) grows with use. */
export function createPrefixLru(capacity: number): PrefixLru {
  return new ArrayLru(capacity);
}

const NONE = -1;
const FIRST_SIZE = 64;

/**
 * Nodes lie in parallel arrays and are linked from the most to the least recently used. A table of open addressing,
 * at most half full, leads from a key to its node. Deleting shifts followers back, so there are no tombstones.
 */
class ArrayLru implements PrefixLru {
  #capacity: number;
  #size = 0;
  #newest = NONE;
  #oldest = NONE;
  #keys = new Float64Array(FIRST_SIZE);
  #older = new Int32Array(FIRST_SIZE);
  #newer = new Int32Array(FIRST_SIZE);
  #table = new Int32Array(2 * FIRST_SIZE).fill(NONE);

  constructor(capacity: number) {
    this.#capacity = checkedCapacity(capacity);
  }

  get size(): number {
    return this.#size;
  }

  get capacity(): number {
    return this.#capacity;
  }

  matchLength(chain: Float64Array): number {
    let length = 0;
    while (length < chain.length && this.#table[this.#find(chain[length] as number)] !== NONE) {
      length++;
    }
    return length;
  }

  touch(chain: Float64Array): void {
    for (let i = Math.min(chain.length, this.#capacity) - 1; i >= 0; i--) {
      const key = chain[i] as number;
      const node = this.#table[this.#find(key)] as number;
      if (node === NONE) this.#insert(key);
      else if (node !== this.#newest) {
        this.#unlink(node);
        this.#linkNewest(node);
      }
    }
  }

  setCapacity(capacity: number): void {
    this.#capacity = checkedCapacity(capacity);
    while (this.#size > this.#capacity) this.#deleteOldest();
  }

  clear(): void {
    this.#size = 0;
    this.#newest = this.#oldest = NONE;
    this.#table.fill(NONE);
  }

  /** Position in the table where the key is, or the free one where it belongs. */
  #find(key: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let at = homeOf(key, mask);
    for (let node = table[at] as number; node !== NONE; node = table[at] as number) {
      if (this.#keys[node] === key) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  #insert(key: number): void {
    let node: number;
    if (this.#size >= this.#capacity) node = this.#deleteOldest();
    else {
      node = this.#size;
      if (node === this.#keys.length) this.#grow();
    }
    this.#size++;
    this.#keys[node] = key;
    this.#table[this.#find(key)] = node;
    this.#linkNewest(node);
  }

  /**
   * Drops the least recently used block. Moves the last node into the hole, so that nodes stay dense, and returns the
   * index that became free.
   */
  #deleteOldest(): number {
    const node = this.#oldest;
    this.#removeFromTable(this.#find(this.#keys[node] as number));
    this.#unlink(node);
    const last = --this.#size;
    if (node !== last) this.#move(last, node);
    return last;
  }

  #move(from: number, to: number): void {
    const key = this.#keys[from] as number;
    this.#table[this.#find(key)] = to;
    this.#keys[to] = key;
    const newer = this.#newer[from] as number;
    const older = this.#older[from] as number;
    this.#newer[to] = newer;
    this.#older[to] = older;
    if (newer === NONE) this.#newest = to;
    else this.#older[newer] = to;
    if (older === NONE) this.#oldest = to;
    else this.#newer[older] = to;
  }

  #removeFromTable(position: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = position;
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const node = table[at] as number;
      if (node === NONE) break;
      const home = homeOf(this.#keys[node] as number, mask);
      // A follower may fill the hole unless its home lies behind it.
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        table[hole] = node;
        hole = at;
      }
    }
    table[hole] = NONE;
  }

  #linkNewest(node: number): void {
    this.#newer[node] = NONE;
    this.#older[node] = this.#newest;
    if (this.#newest === NONE) this.#oldest = node;
    else this.#newer[this.#newest] = node;
    this.#newest = node;
  }

  #unlink(node: number): void {
    const newer = this.#newer[node] as number;
    const older = this.#older[node] as number;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
  }

  #grow(): void {
    const size = 2 * this.#keys.length;
    this.#keys = copyInto(new Float64Array(size), this.#keys);
    this.#older = copyInto(new Int32Array(size), this.#older);
    this.#newer = copyInto(new Int32Array(size), this.#newer);
    this.#table = new Int32Array(2 * size).fill(NONE);
    for (let node = 0; node < this.#size; node++) {
      this.#table[this.#find(this.#keys[node] as number)] = node;
    }
  }
}

/** ToInt32 keeps the low 32 bits of a whole number up to 2⁵³, so the mask sees the key's low bits. */
const homeOf = (key: number, mask: number): number => key & mask;

function checkedCapacity(capacity: number): number {
  if (!(capacity >= 1)) throw new RangeError(`capacity must be at least 1, got ${capacity}`);
  return Math.floor(capacity);
}

function copyInto<T extends Float64Array | Int32Array>(target: T, source: T): T {
  target.set(source);
  return target;
}
