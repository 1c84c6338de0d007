// SPDX-License-Identifier: Apache-2.0
import { GROWTH, MAX_LOAD, homeOf, keyHash } from './key-hash.ts';
import { NOBODY, type OwnerSets } from './owner-sets.ts';

const SHARD_BITS = 6;
const FIRST_CAPACITY = 16;
const STRIDE = 3;
const OWNER = 2;

/**
 * Who owns which block, by request key. It is cut into shards that grow one at a time, so that growing never takes
 * long. Open addressing in typed arrays; deleting shifts followers back.
 */
export class BlockTable {
  readonly #owners: OwnerSets;
  readonly #shards = Array.from({ length: 1 << SHARD_BITS }, () => new Shard());
  #size = 0;
  /** What the caller's last touches read, so that they are not optimised away. */
  touched = 0;

  constructor(owners: OwnerSets) {
    this.#owners = owners;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#shards.reduce((sum, { words }) => sum + words.byteLength, 0);
  }

  /** The owners' word of a block; 0 for a block that nobody owns. */
  ownerOf(low: number, high: number): number {
    const hash = keyHash(low, high);
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
    return shard.words[shard.find(inShard(hash), low, high) + OWNER] as number;
  }

  /** Reads where a key would be, and so brings it into the processor's cache. */
  touch(low: number, high: number): number {
    const hash = keyHash(low, high);
    return (this.#shards[hash >>> (32 - SHARD_BITS)] as Shard).touch(inShard(hash));
  }

  add(low: number, high: number, slot: number, plane: number): void {
    const hash = keyHash(low, high);
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
    let at = shard.find(inShard(hash), low, high);
    const before = shard.words[at + OWNER] as number;
    if (before === NOBODY) {
      this.#size++;
      at = shard.insert(at, hash, low, high);
    }
    shard.words[at + OWNER] = this.#owners.with(before, slot, plane);
  }

  remove(low: number, high: number, slot: number, plane: number): void {
    const hash = keyHash(low, high);
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
    const at = shard.find(inShard(hash), low, high);
    const before = shard.words[at + OWNER] as number;
    if (before === NOBODY) return;
    const after = this.#owners.without(before, slot, plane);
    shard.words[at + OWNER] = after;
    if (after !== NOBODY) return;
    shard.close(at);
    this.#size--;
  }
}

/** The bits of a hash that did not choose the shard. */
const inShard = (hash: number): number => (hash << SHARD_BITS) >>> 0;

class Shard {
  /** Each place has three words, side by side because they are used together: the key, low half first, and its owner. */
  words = new Uint32Array(STRIDE * FIRST_CAPACITY);
  #capacity = FIRST_CAPACITY;
  #size = 0;

  touch(hash: number): number {
    return this.words[STRIDE * homeOf(hash, this.#capacity) + OWNER] as number;
  }

  /** The first word of the place of a key, or of the free one where it belongs. */
  find(hash: number, low: number, high: number): number {
    const words = this.words;
    const { length } = words;
    let at = STRIDE * homeOf(hash, this.#capacity);
    while (words[at + OWNER] !== NOBODY) {
      if (words[at] === low && words[at + 1] === high) break;
      at += STRIDE;
      if (at === length) at = 0;
    }
    return at;
  }

  /** Writes a key to the free place that `find` gave, or elsewhere after growing, and returns the place. */
  insert(place: number, hash: number, low: number, high: number): number {
    let at = place;
    if (this.#size >= this.#capacity * MAX_LOAD) {
      this.#grow();
      at = this.find(inShard(hash), low, high);
    }
    this.words[at] = low;
    this.words[at + 1] = high;
    this.#size++;
    return at;
  }

  /** Closes a place whose owner is gone. */
  close(place: number): void {
    const words = this.words;
    const { length } = words;
    let hole = place;
    for (let at = (hole + STRIDE) % length; ; at = (at + STRIDE) % length) {
      if (words[at + OWNER] === NOBODY) break;
      const hash = inShard(keyHash(words[at] as number, words[at + 1] as number));
      const home = STRIDE * homeOf(hash, this.#capacity);
      const fromHome = at >= home ? at - home : at - home + length;
      const fromHole = at >= hole ? at - hole : at - hole + length;
      // A follower may fill the hole unless its home lies behind it.
      if (fromHome < fromHole) continue;
      words.copyWithin(hole, at, at + STRIDE);
      hole = at;
    }
    words[hole + OWNER] = NOBODY;
    this.#size--;
  }

  #grow(): void {
    const old = this.words;
    this.#capacity = Math.ceil(this.#capacity * GROWTH);
    this.words = new Uint32Array(STRIDE * this.#capacity);
    for (let from = 0; from < old.length; from += STRIDE) {
      if (old[from + OWNER] === NOBODY) continue;
      const low = old[from] as number;
      const high = old[from + 1] as number;
      const to = this.find(inShard(keyHash(low, high)), low, high);
      for (let i = 0; i < STRIDE; i++) this.words[to + i] = old[from + i] as number;
    }
  }
}
