// SPDX-License-Identifier: Apache-2.0
import type { KvIndexRows } from '../rows/index-rows.ts';

/**
 * Request keys whose rows are to be written: those that changed, first come first, and after them, when everything is to
 * be written anew, part by part of the index. What a row is, is read when it is written, so a key that is here twice
 * costs a write and no more.
 */
export class PendingRows {
  readonly #most: number;
  #keys = new Uint32Array(2048);
  #from = 0;
  #to = 0;
  /** Changes noted so far. */
  #noted = 0;
  #rows: KvIndexRows | undefined;
  #nextPart = 0;
  #part: Uint32Array = new Uint32Array();

  /** `most`: keys beyond which it refuses. */
  constructor(most: number) {
    this.#most = most;
  }

  get noted(): number {
    return this.#noted;
  }

  /** How many changed keys wait. */
  get size(): number {
    return (this.#to - this.#from) >>> 1;
  }

  /** How many changes have been taken. */
  get taken(): number {
    return this.#noted - this.size;
  }

  get isEmpty(): boolean {
    return this.#from === this.#to && this.isRewritten;
  }

  /** Whether no part of the index is left to be written anew. */
  get isRewritten(): boolean {
    return this.#part.length === 0 && this.#nextPart >= (this.#rows?.parts ?? 0);
  }

  /** False: there is no room for it. */
  note(low: number, high: number): boolean {
    if (this.size >= this.#most) return false;
    if (this.#to === this.#keys.length) this.#makeRoom(2);
    this.#keys[this.#to++] = low;
    this.#keys[this.#to++] = high;
    this.#noted++;
    return true;
  }

  /** Puts keys back whose writing failed. */
  restore(keys: Uint32Array): void {
    this.#makeRoom(keys.length);
    this.#keys.set(keys, this.#to);
    this.#to += keys.length;
  }

  /** Everything is to be written, whatever was noted. */
  rewrite(rows: KvIndexRows): void {
    this.clear();
    this.#rows = rows;
  }

  clear(): void {
    this.#from = 0;
    this.#to = 0;
    this.#rows = undefined;
    this.#nextPart = 0;
    this.#part = new Uint32Array();
  }

  /** Takes up to so many keys, as pairs: changed ones while there are any. */
  take(keys: number): Uint32Array {
    if (this.#from < this.#to) {
      const end = Math.min(this.#to, this.#from + 2 * keys);
      const slice = this.#keys.slice(this.#from, end);
      this.#from = end;
      if (this.#from === this.#to) {
        this.#from = 0;
        this.#to = 0;
      }
      return slice;
    }
    while (this.#part.length === 0 && !this.isRewritten) {
      this.#part = this.#rows?.keysOf(this.#nextPart++) ?? new Uint32Array();
    }
    const slice = this.#part.subarray(0, 2 * keys);
    this.#part = this.#part.subarray(2 * keys);
    return slice;
  }

  #makeRoom(words: number): void {
    const used = this.#to - this.#from;
    const needed = used + words;
    const keys =
      needed > this.#keys.length ? new Uint32Array(Math.max(needed, 2 * used)) : this.#keys;
    keys.set(this.#keys.subarray(this.#from, this.#to));
    this.#keys = keys;
    this.#from = 0;
    this.#to = used;
  }
}
