// SPDX-License-Identifier: Apache-2.0

/** Blocks with one owner name it in their word; blocks with more name a set, marked by the top bit. */
const SET = 0x80000000;
/** No owner. */
export const NOBODY = 0;
/** Bits that no owners' word has: for whoever keeps the words. */
export const SPARE_BITS = 0x78000000;
const PLANE_BITS = 8;

/**
 * Who owns a block, in one word: a single owner (slot and plane), or a set of them, which has a bitmap of slots for each
 * plane. Sets grow wider for all with the number of slots and planes, so there is no limit to a block's owners.
 */
export class OwnerSets {
  /** Words of a plane's bitmap, and planes of a set. */
  #width = 1;
  #planes = 1;
  #words = new Uint32Array(64);
  #used = 0;
  readonly #free: number[] = [];

  get width(): number {
    return this.#width;
  }

  get planes(): number {
    return this.#planes;
  }

  /** The bitmaps: those of a set begin at {@link base}, plane by plane. Changes with the number of slots and planes. */
  get words(): Uint32Array {
    return this.#words;
  }

  isSet(owner: number): boolean {
    return owner >= SET;
  }

  base(owner: number): number {
    return (owner - SET) * this.#width * this.#planes;
  }

  slot(owner: number): number {
    return (owner - 1) >>> PLANE_BITS;
  }

  plane(owner: number): number {
    return (owner - 1) & ((1 << PLANE_BITS) - 1);
  }

  /** Makes room for slots and planes below these numbers. */
  widen(slots: number, planes: number): void {
    let width = this.#width;
    let tall = this.#planes;
    while (32 * width < slots) width *= 2;
    while (tall < planes) tall++;
    if (width === this.#width && tall === this.#planes) return;
    const words = new Uint32Array(Math.max(64, this.#used * width * tall));
    for (let set = 0; set < this.#used; set++) {
      for (let plane = 0; plane < this.#planes; plane++) {
        const from = (set * this.#planes + plane) * this.#width;
        words.set(this.#words.subarray(from, from + this.#width), (set * tall + plane) * width);
      }
    }
    this.#words = words;
    this.#width = width;
    this.#planes = tall;
  }

  /** The word of the same owners and this one. */
  with(owner: number, slot: number, plane: number): number {
    const single = 1 + slot * (1 << PLANE_BITS) + plane;
    if (owner === NOBODY || owner === single) return single;
    if (owner >= SET) {
      this.#mark(owner, slot, plane);
      return owner;
    }
    const set = this.#allocate();
    this.#mark(set, this.slot(owner), this.plane(owner));
    this.#mark(set, slot, plane);
    return set;
  }

  /** The word of the same owners without this one. */
  without(owner: number, slot: number, plane: number): number {
    if (owner < SET) return owner === 1 + slot * (1 << PLANE_BITS) + plane ? NOBODY : owner;
    const at = this.base(owner) + plane * this.#width + (slot >>> 5);
    this.#words[at] = (this.#words[at] as number) & ~(1 << (slot & 31));
    return this.#narrowed(owner);
  }

  has(owner: number, slot: number, plane: number): boolean {
    if (owner < SET) return owner === 1 + slot * (1 << PLANE_BITS) + plane;
    if (plane >= this.#planes) return false;
    const at = this.base(owner) + plane * this.#width + (slot >>> 5);
    return (((this.#words[at] as number) >>> (slot & 31)) & 1) === 1;
  }

  /** Bytes that the bitmaps take. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  #mark(owner: number, slot: number, plane: number): void {
    const at = this.base(owner) + plane * this.#width + (slot >>> 5);
    this.#words[at] = (this.#words[at] as number) | (1 << (slot & 31));
  }

  /** A set of one owner becomes that owner, so that sets are only for blocks that need them. */
  #narrowed(owner: number): number {
    const stride = this.#width * this.#planes;
    const base = this.base(owner);
    let last = -1;
    for (let i = 0; i < stride; i++) {
      const word = this.#words[base + i] as number;
      if (word === 0) continue;
      if (last >= 0 || (word & (word - 1)) !== 0) return owner;
      last = i;
    }
    if (last < 0) {
      this.#release(owner);
      return NOBODY;
    }
    const slot = 32 * (last % this.#width) + 31 - Math.clz32(this.#words[base + last] as number);
    const plane = Math.floor(last / this.#width);
    this.#release(owner);
    return 1 + slot * (1 << PLANE_BITS) + plane;
  }

  #allocate(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    const stride = this.#width * this.#planes;
    if ((this.#used + 1) * stride > this.#words.length) {
      const larger = new Uint32Array(Math.ceil(this.#words.length * 1.5) + stride);
      larger.set(this.#words);
      this.#words = larger;
    }
    return SET + this.#used++;
  }

  #release(owner: number): void {
    const base = this.base(owner);
    this.#words.fill(0, base, base + this.#width * this.#planes);
    this.#free.push(owner);
  }
}
