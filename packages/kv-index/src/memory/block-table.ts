// SPDX-License-Identifier: Apache-2.0
import { GROWTH, MAX_LOAD, homeOf, keyHash } from './key-hash.ts';
import { NOBODY, type OwnerSets, SPARE_BITS } from './owner-sets.ts';

const SHARD_BITS = 6;
const FIRST_CAPACITY = 16;
const STRIDE = 3;
const OWNER = 2;
/** One era more, in the spare bits. */
const ERA = SPARE_BITS & -SPARE_BITS;
const WARM_ERAS = 5;
/** Below this share of used places a shard is made smaller. */
const MIN_LOAD = 0.2;

/**
 * Who owns which block, by request key. It is cut into shards that grow and shrink one at a time, so that it never takes
 * long. Open addressing in typed arrays; deleting shifts followers back.
 *
 * Four bits of each block say in which of 16 eras it was last added or marked: it is warm in that one and the next four.
 */
export class BlockTable {
  readonly #owners: OwnerSets;
  readonly #shards = Array.from({ length: 1 << SHARD_BITS }, () => new Shard());
  #size = 0;
  /** What the spare bits of a block are that is added or marked now. */
  #era = 0;
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

  /** How many parts {@link keysOf} gives. */
  get parts(): number {
    return this.#shards.length;
  }

  /** The keys of one part as pairs. */
  keysOf(part: number): Uint32Array {
    return this.#shards[part]?.keys() ?? new Uint32Array();
  }

  /** The owners' word of a block; 0 for a block that nobody owns. */
  ownerOf(low: number, high: number): number {
    const hash = keyHash(low, high);
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
    return ownersIn(shard.words[shard.find(inShard(hash), low, high) + OWNER] as number);
  }

  /** The owners' word of the key at a place of a chain. */
  ownerAt(keys: Uint32Array, at: number): number {
    return this.ownerOf(keys[2 * at] as number, keys[2 * at + 1] as number);
  }

  /** Makes a block warm, if it is there. */
  warm(low: number, high: number): void {
    const hash = keyHash(low, high);
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
    const at = shard.find(inShard(hash), low, high) + OWNER;
    const owner = shard.words[at] as number;
    if (owner !== NOBODY) shard.words[at] = ownersIn(owner) | this.#era;
  }

  isWarm(low: number, high: number): boolean {
    const hash = keyHash(low, high);
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
    const owner = shard.words[shard.find(inShard(hash), low, high) + OWNER] as number;
    const age = ((this.#era - (owner & SPARE_BITS)) & SPARE_BITS) / ERA;
    return owner !== NOBODY && age < WARM_ERAS;
  }

  /** Begins another era. Blocks that are not touched for 16 of them count as warm again. */
  nextEra(): void {
    this.#era = (this.#era + ERA) & SPARE_BITS;
  }

  /** Reads where a key would be, and so brings it into the processor's cache. */
  touch(low: number, high: number): number {
    const hash = keyHash(low, high);
    return (this.#shards[hash >>> (32 - SHARD_BITS)] as Shard).touch(inShard(hash));
  }

  /** Makes room for so many blocks in one part, so that it does not grow while they are added. */
  reserve(part: number, blocks: number): void {
    this.#shards[part]?.reserve(blocks);
  }

  /** Adds an owner. False if it was one already. */
  add(low: number, high: number, slot: number, plane: number): boolean {
    const hash = keyHash(low, high);
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
    let at = shard.find(inShard(hash), low, high);
    const before = shard.words[at + OWNER] as number;
    if (before === NOBODY) {
      this.#size++;
      at = shard.insert(at, hash, low, high);
    }
    const isNew = !this.#owners.has(ownersIn(before), slot, plane);
    shard.words[at + OWNER] = this.#owners.with(ownersIn(before), slot, plane) | this.#era;
    return isNew;
  }

  remove(low: number, high: number, slot: number, plane: number): void {
    const hash = keyHash(low, high);
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)] as Shard;
    const at = shard.find(inShard(hash), low, high);
    const before = shard.words[at + OWNER] as number;
    if (before === NOBODY) return;
    const after = this.#owners.without(ownersIn(before), slot, plane);
    if (after !== NOBODY) {
      shard.words[at + OWNER] = after | (before & SPARE_BITS);
      return;
    }
    shard.close(at);
    this.#size--;
  }
}

/** The owners' word without the bit that is ours. */
const ownersIn = (word: number): number => (word & ~SPARE_BITS) >>> 0;

/** The bits of a hash that did not choose the shard. */
const inShard = (hash: number): number => (hash << SHARD_BITS) >>> 0;

class Shard {
  /** Each place has three words, side by side because they are used together: the key, low half first, and its owner. */
  words = new Uint32Array(STRIDE * FIRST_CAPACITY);
  #capacity = FIRST_CAPACITY;
  #size = 0;

  reserve(blocks: number): void {
    const capacity = Math.ceil(blocks / MAX_LOAD) + 1;
    if (capacity > this.#capacity) this.#resize(capacity);
  }

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
      this.#resize(Math.ceil(this.#capacity * GROWTH));
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
    if (this.#capacity > FIRST_CAPACITY && this.#size < this.#capacity * MIN_LOAD) {
      this.#resize(Math.max(FIRST_CAPACITY, Math.ceil(this.#capacity / 2)));
    }
  }

  keys(): Uint32Array {
    const { words } = this;
    const keys = new Uint32Array(2 * this.#size);
    let to = 0;
    for (let at = 0; at < words.length; at += STRIDE) {
      if (words[at + OWNER] === NOBODY) continue;
      keys[to++] = words[at] as number;
      keys[to++] = words[at + 1] as number;
    }
    return keys;
  }

  #resize(capacity: number): void {
    const old = this.words;
    this.#capacity = capacity;
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
