// SPDX-License-Identifier: Apache-2.0
import { GROWTH, MAX_LOAD, homeOf, keyHash } from './key-hash.ts';

const FIRST_CAPACITY = 32;
/** A place is free when its word of counts is 0: entries have at least one copy. */
const FREE = 0;
const STRIDE = 5;
/** Words of an entry in {@link EngineTable.entries}. */
export const ENTRY_WORDS = STRIDE;
const META = 4;
const MAX_COPIES = 0xffff;
/** Below this share of used places, {@link EngineTable.shrink} makes the table smaller. */
const MIN_LOAD = 0.3;

/** Most request keys one engine hash can stand for, and most planes. */
export const MAX_ORDINALS = 256;
export const MAX_PLANES = 256;

/**
 * What a source's engine hashes stand for. An entry is an engine hash, a plane (tier and group), one request key with
 * its position among those of the hash, and a count of copies. A hash has several entries when it is in several planes,
 * or stands for several keys. Open addressing in typed arrays; deleting shifts followers back.
 */
export class EngineTable {
  #capacity = FIRST_CAPACITY;
  #size = 0;
  /**
   * Each place has five words, side by side because they are used together: engine hash and request key, low half
   * first, then copies in the upper half of a word, position and plane in a byte each.
   */
  #words = new Uint32Array(STRIDE * FIRST_CAPACITY);

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** Places to go through with {@link at}. */
  get capacity(): number {
    return this.#capacity;
  }

  /** The first place of a hash, or −1. */
  first(low: number, high: number): number {
    return this.#search(homeOf(keyHash(low, high), this.#capacity), low, high);
  }

  /** The next place of the same hash, or −1. */
  next(place: number): number {
    const low = this.#words[STRIDE * place] as number;
    const high = this.#words[STRIDE * place + 1] as number;
    return this.#search(this.#after(place), low, high);
  }

  /** The first place of the hash from this one on, as after deleting it; −1 if there is none. */
  from(place: number, low: number, high: number): number {
    return this.#search(place, low, high);
  }

  hashLow(place: number): number {
    return this.#words[STRIDE * place] as number;
  }

  hashHigh(place: number): number {
    return this.#words[STRIDE * place + 1] as number;
  }

  isUsed(place: number): boolean {
    return this.#words[STRIDE * place + META] !== FREE;
  }

  keyLow(place: number): number {
    return this.#words[STRIDE * place + 2] as number;
  }

  keyHigh(place: number): number {
    return this.#words[STRIDE * place + 3] as number;
  }

  plane(place: number): number {
    return (this.#words[STRIDE * place + META] as number) & 0xff;
  }

  ordinal(place: number): number {
    return ((this.#words[STRIDE * place + META] as number) >>> 8) & 0xff;
  }

  /** One more copy of an entry. True if it is the first. The count stops at 65,535, and then never reaches 0. */
  add(low: number, high: number, key: { low: number; high: number }, place: number): boolean {
    // `place` is the plane and the ordinal in one number, as in the meta word.
    let words = this.#words;
    let at = homeOf(keyHash(low, high), this.#capacity);
    let base = STRIDE * at;
    for (let meta = words[base + META] as number; meta !== FREE;) {
      if (
        words[base] === low &&
        words[base + 1] === high &&
        (meta & 0xffff) === place &&
        words[base + 2] === key.low &&
        words[base + 3] === key.high
      ) {
        if (meta >>> 16 < MAX_COPIES) words[base + META] = meta + 0x10000;
        return false;
      }
      at = this.#after(at);
      base = STRIDE * at;
      meta = words[base + META] as number;
    }
    if (this.#size >= this.#capacity * MAX_LOAD) {
      this.#resize(Math.ceil(this.#capacity * GROWTH));
      words = this.#words;
      base = STRIDE * this.#free(low, high);
    }
    words[base] = low;
    words[base + 1] = high;
    words[base + 2] = key.low;
    words[base + 3] = key.high;
    words[base + META] = 0x10000 + place;
    this.#size++;
    return true;
  }

  /** Reads where a hash would be, and so brings it into the processor's cache. */
  touch(low: number, high: number): number {
    return this.#words[STRIDE * homeOf(keyHash(low, high), this.#capacity) + META] as number;
  }

  /** All entries, close together: a copy, as {@link put} takes them. */
  entries(): Uint32Array {
    const words = this.#words;
    const entries = new Uint32Array(STRIDE * this.#size);
    let to = 0;
    for (let from = 0; from < words.length; from += STRIDE) {
      if (words[from + META] === FREE) continue;
      for (let i = 0; i < STRIDE; i++) entries[to++] = words[from + i] as number;
    }
    return entries;
  }

  /** Makes room for so many entries, so that it does not grow while they are put in. */
  reserve(entries: number): void {
    const capacity = Math.ceil(entries / MAX_LOAD) + 1;
    if (capacity > this.#capacity) this.#resize(capacity);
  }

  /** Puts in an entry that another table had, and this one has not. */
  put(entries: Uint32Array, from: number): void {
    if (this.#size >= this.#capacity * MAX_LOAD) this.#resize(Math.ceil(this.#capacity * GROWTH));
    const to = STRIDE * this.#free(entries[from] as number, entries[from + 1] as number);
    for (let i = 0; i < STRIDE; i++) this.#words[to + i] = entries[from + i] as number;
    this.#size++;
  }

  /** One copy less. True if none is left: the caller then deletes the entry. */
  release(place: number): boolean {
    const meta = this.#words[STRIDE * place + META] as number;
    if (meta >>> 16 === MAX_COPIES) return false;
    if (meta >>> 16 === 1) return true;
    this.#words[STRIDE * place + META] = meta - 0x10000;
    return false;
  }

  /** Deletes the entry at a place. An entry from further on may take the place. */
  delete(place: number): void {
    const words = this.#words;
    const length = this.#capacity;
    let hole = place;
    for (let at = this.#after(hole); words[STRIDE * at + META] !== FREE; at = this.#after(at)) {
      const hash = keyHash(words[STRIDE * at] as number, words[STRIDE * at + 1] as number);
      const home = homeOf(hash, length);
      const fromHome = at >= home ? at - home : at - home + length;
      const fromHole = at >= hole ? at - hole : at - hole + length;
      // A follower may fill the hole unless its home lies behind it.
      if (fromHome < fromHole) continue;
      words.copyWithin(STRIDE * hole, STRIDE * at, STRIDE * (at + 1));
      hole = at;
    }
    words[STRIDE * hole + META] = FREE;
    this.#size--;
  }

  /** Gives back memory where little is used. Places change. */
  shrink(): void {
    if (this.#capacity <= FIRST_CAPACITY || this.#size >= this.#capacity * MIN_LOAD) return;
    this.#resize(Math.max(FIRST_CAPACITY, Math.ceil(this.#size / 0.5)));
  }

  #search(from: number, low: number, high: number): number {
    const words = this.#words;
    for (let at = from; this.#words[STRIDE * at + META] !== FREE; at = this.#after(at)) {
      if (words[STRIDE * at] === low && words[STRIDE * at + 1] === high) return at;
    }
    return -1;
  }

  #free(low: number, high: number): number {
    let at = homeOf(keyHash(low, high), this.#capacity);
    while (this.#words[STRIDE * at + META] !== FREE) at = this.#after(at);
    return at;
  }

  #after(place: number): number {
    return place + 1 === this.#capacity ? 0 : place + 1;
  }

  #resize(capacity: number): void {
    const old = this.#words;
    this.#capacity = capacity;
    this.#words = new Uint32Array(STRIDE * this.#capacity);
    for (let from = 0; from < old.length; from += STRIDE) {
      if (old[from + META] === FREE) continue;
      const to = STRIDE * this.#free(old[from] as number, old[from + 1] as number);
      for (let i = 0; i < STRIDE; i++) this.#words[to + i] = old[from + i] as number;
    }
  }
}
