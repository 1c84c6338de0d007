// SPDX-License-Identifier: Apache-2.0

/**
 * A priority queue whose items can be taken out or moved from anywhere, each in time that grows with the
 * logarithm of the number of items.
 */
export class IndexedHeap<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #items: T[] = [];
  readonly #positions = new Map<T, number>();

  /** Items for which `compare` is below 0 stand before the other; it must not change between calls of {@link update}. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The item before all others; undefined where there is none. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** All items, in no particular order. */
  values(): Iterable<T> {
    return this.#items;
  }

  has(item: T): boolean {
    return this.#positions.has(item);
  }

  /** Adds an item that is not in it. */
  add(item: T): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1, item);
  }

  /** Moves an item whose order may have changed. Does nothing where it is not in it. */
  update(item: T): void {
    const position = this.#positions.get(item);
    if (position !== undefined) this.#settle(position, item);
  }

  /** Takes an item out; false where it is not in it. */
  remove(item: T): boolean {
    const position = this.#positions.get(item);
    if (position === undefined) return false;
    this.#positions.delete(item);
    const last = this.#items.pop();
    if (last !== undefined && position < this.#items.length) this.#settle(position, last);
    return true;
  }

  #settle(position: number, item: T): void {
    const risen = this.#rise(position, item);
    if (risen === position) this.#sink(position, item);
  }

  /** Puts an item where it belongs on the way up from a position; returns where that is. */
  #rise(from: number, item: T): number {
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const above = this.#at(parent);
      if (this.#compare(item, above) >= 0) break;
      this.#put(position, above);
      position = parent;
    }
    this.#put(position, item);
    return position;
  }

  #sink(from: number, item: T): void {
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.#items.length) break;
      if (
        child + 1 < this.#items.length &&
        this.#compare(this.#at(child + 1), this.#at(child)) < 0
      ) {
        child++;
      }
      const below = this.#at(child);
      if (this.#compare(below, item) >= 0) break;
      this.#put(position, below);
      position = child;
    }
    this.#put(position, item);
  }

  #put(position: number, item: T): void {
    this.#items[position] = item;
    this.#positions.set(item, position);
  }

  /** Callers stay below the length. */
  #at(position: number): T {
    return this.#items[position] as T;
  }
}
