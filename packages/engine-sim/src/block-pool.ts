// SPDX-License-Identifier: Apache-2.0
import { BlockTable, NONE } from './block-table.ts';

/** How the blocks of a pool are spread; the three always sum to `total`. */
export interface BlockCounts {
  readonly total: number;
  /** Held by at least one sequence. */
  readonly used: number;
  /** Held by none, content kept for reuse. */
  readonly cached: number;
  /** Held by none and without content worth keeping. */
  readonly free: number;
}

/**
 * KV blocks by number: reference counts, contents by key, and the order of eviction. Blocks without content are handed
 * out first, then the cached block whose last holder left longest ago. Two blocks may hold the same content (vLLM does
 * not merge copies); a look-up finds the one stored last.
 */
export class BlockPool {
  readonly total: number;
  /** Called with the key of each block whose content is given up. */
  onEvict: ((key: number) => void) | undefined;

  readonly #references: Int32Array;
  /** Key of the content, or NaN. */
  readonly #keys: Float64Array;
  readonly #table: BlockTable;
  /** Neighbours among the blocks with the same key, newest first, or NONE. */
  readonly #nextCopy: Int32Array;
  readonly #previousCopy: Int32Array;
  readonly #free: Int32Array;
  #freeCount: number;
  /** Doubly linked list of cached blocks, oldest first; index `total` is its sentinel. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #cachedCount = 0;

  constructor(total: number) {
    this.total = total;
    this.#references = new Int32Array(total);
    this.#keys = new Float64Array(total).fill(NaN);
    this.#table = new BlockTable(total);
    this.#nextCopy = new Int32Array(total).fill(NONE);
    this.#previousCopy = new Int32Array(total).fill(NONE);
    this.#free = Int32Array.from({ length: total }, (_, i) => total - 1 - i);
    this.#freeCount = total;
    this.#next = new Int32Array(total + 1).fill(total);
    this.#previous = new Int32Array(total + 1).fill(total);
  }

  /** Blocks that can be handed out. */
  get available(): number {
    return this.#freeCount + this.#cachedCount;
  }

  get used(): number {
    return this.total - this.available;
  }

  counts(): BlockCounts {
    return { total: this.total, used: this.used, cached: this.#cachedCount, free: this.#freeCount };
  }

  /** Keys of the blocks' contents, each as often as there are copies. */
  *contents(): Iterable<number> {
    for (const key of this.#keys) if (!Number.isNaN(key)) yield key;
  }

  /** A block whose content is `key`, or NONE. Does not hold it. */
  find(key: number): number {
    return this.#table.get(key);
  }

  /** True if some block's content is `key`. */
  has(key: number): boolean {
    return this.find(key) !== NONE;
  }

  /** True if nobody holds the block. */
  isIdle(block: number): boolean {
    return this.#references[block] === 0;
  }

  /** Holds a block that {@link find} gave. */
  hold(block: number): void {
    const references = this.#references[block] ?? 0;
    if (references === 0) this.#unlink(block);
    this.#references[block] = references + 1;
  }

  /** A block for new content, held once. There must be one {@link available}. */
  take(): number {
    let block: number;
    if (this.#freeCount > 0) {
      block = this.#free[--this.#freeCount] ?? NONE;
    } else {
      block = this.#next[this.total] ?? NONE;
      if (block === this.total) throw new RangeError('no block is available');
      this.#unlink(block);
      this.#forget(block);
    }
    this.#references[block] = 1;
    return block;
  }

  /** Says what a held block contains, which makes it findable. */
  store(block: number, key: number): void {
    this.#keys[block] = key;
    const copy = this.#table.get(key);
    this.#nextCopy[block] = copy;
    if (copy !== NONE) this.#previousCopy[copy] = block;
    this.#table.set(key, block);
  }

  /** Lets go of a held block. Without another holder it becomes the youngest cached one, or free if it has no content. */
  release(block: number): void {
    const references = (this.#references[block] ?? 0) - 1;
    if (references < 0) throw new RangeError(`block ${block} is not held`);
    this.#references[block] = references;
    if (references > 0) return;
    if (Number.isNaN(this.#keys[block])) this.#free[this.#freeCount++] = block;
    else this.#append(block);
  }

  /** Gives up all cached content without reporting evictions. Only without held blocks; returns whether it did. */
  clear(): boolean {
    if (this.used > 0) return false;
    while (this.#cachedCount > 0) {
      const block = this.#next[this.total] ?? NONE;
      this.#unlink(block);
      this.#keys[block] = NaN;
      this.#nextCopy[block] = NONE;
      this.#previousCopy[block] = NONE;
      this.#free[this.#freeCount++] = block;
    }
    this.#table.clear();
    return true;
  }

  #forget(block: number): void {
    const key = this.#keys[block] ?? NaN;
    const newer = this.#previousCopy[block] ?? NONE;
    const older = this.#nextCopy[block] ?? NONE;
    if (older !== NONE) this.#previousCopy[older] = newer;
    if (newer !== NONE) this.#nextCopy[newer] = older;
    else if (older === NONE) this.#table.delete(key);
    else this.#table.set(key, older);
    this.#nextCopy[block] = NONE;
    this.#previousCopy[block] = NONE;
    this.#keys[block] = NaN;
    this.onEvict?.(key);
  }

  #append(block: number): void {
    const sentinel = this.total;
    const last = this.#previous[sentinel] ?? sentinel;
    this.#next[last] = block;
    this.#previous[block] = last;
    this.#next[block] = sentinel;
    this.#previous[sentinel] = block;
    this.#cachedCount++;
  }

  #unlink(block: number): void {
    const previous = this.#previous[block] ?? NONE;
    const next = this.#next[block] ?? NONE;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#cachedCount--;
  }
}
