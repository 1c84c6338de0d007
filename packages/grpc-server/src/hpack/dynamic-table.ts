// SPDX-License-Identifier: Apache-2.0

/** What RFC 7541 section 4.1 adds to the octets of name and value. */
export const entryOverhead = 32;

/**
 * The table of recently seen headers (RFC 7541 section 2.3.2): first in, first out, bounded by the octets of its
 * entries. Index 0 is the newest.
 */
export class DynamicTable {
  readonly #names: string[];
  readonly #values: string[];
  /** Slot of the newest entry; the ring's length is a power of two. */
  #newest = 0;
  #count = 0;
  #size = 0;
  #maxSize: number;
  #changes = 0;

  /** `capacity` is the largest size the table can ever be allowed. */
  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(capacity / entryOverhead + 1));
    this.#names = new Array<string>(slots).fill('');
    this.#values = new Array<string>(slots).fill('');
    this.#maxSize = capacity;
  }

  get length(): number {
    return this.#count;
  }

  /** Octets as the RFC counts them. */
  get size(): number {
    return this.#size;
  }

  /** How often the table has changed: what indices stand for is the same as long as this is. */
  get changes(): number {
    return this.#changes;
  }

  name(index: number): string {
    return this.#names[this.#slot(index)] ?? '';
  }

  value(index: number): string {
    return this.#values[this.#slot(index)] ?? '';
  }

  /** Adds an entry, evicting old ones. One that is larger than the table empties it. */
  add(name: string, value: string): void {
    const size = name.length + value.length + entryOverhead;
    this.#changes++;
    this.#evictTo(this.#maxSize - size);
    if (size > this.#maxSize) return;
    this.#newest = (this.#newest + 1) & (this.#names.length - 1);
    this.#names[this.#newest] = name;
    this.#values[this.#newest] = value;
    this.#count++;
    this.#size += size;
  }

  /** Sets how large the table may be, evicting what no longer fits. At most the capacity. */
  resize(maxSize: number): void {
    this.#changes++;
    this.#maxSize = maxSize;
    this.#evictTo(maxSize);
  }

  #evictTo(size: number): void {
    while (this.#size > size && this.#count > 0) {
      const slot = this.#slot(this.#count - 1);
      this.#size -=
        (this.#names[slot]?.length ?? 0) + (this.#values[slot]?.length ?? 0) + entryOverhead;
      this.#names[slot] = '';
      this.#values[slot] = '';
      this.#count--;
    }
  }

  #slot(index: number): number {
    return (this.#newest - index) & (this.#names.length - 1);
  }
}
