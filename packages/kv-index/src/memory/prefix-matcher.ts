// SPDX-License-Identifier: Apache-2.0
import type { KvMatch, KvMatches, KvPrefix, KvTierBlocks } from '../kv-block-index.ts';
import { GroupMatcher } from './group-matcher.ts';
import { type OwningHolder, isPlain } from './holder.ts';
import { NOBODY, type OwnerSets } from './owner-sets.ts';
import type { Planes } from './planes.ts';

/** Who owns the blocks of a chain. */
export interface ChainOwners {
  /** The owners' word of the key at a place of the chain; 0 for a block that nobody owns. */
  ownerAt(keys: Uint32Array, at: number): number;
}

/** The tables that a lookup reads. */
export interface MatcherTables {
  readonly blocks: ChainOwners;
  readonly owners: OwnerSets;
  readonly holders: { readonly bySlot: readonly (OwningHolder | undefined)[] };
  readonly planes: Planes;
  readonly blockSizeTokens: number;
}

const NO_PREFIX: KvPrefix = { blocks: 0, weightedBlocks: 0, byTier: [] };

/**
 * Finds who has the longest beginning of a chain. All holders with one full-attention group are followed at once, as
 * bits, and cost something only where they drop out or have a block in a slower tier. The others, and all where there
 * is storage for everyone, are looked at one by one.
 */
export class PrefixMatcher {
  readonly #tables: MatcherTables;
  readonly #groups: GroupMatcher;
  #plain = new Uint32Array(1);
  #active = new Uint32Array(1);
  /** Blocks of each slot, and how many of them its best tier is a slower one, by slot and tier. */
  #length = new Uint32Array(32);
  #slower = new Uint32Array(32);
  readonly #matched: OwningHolder[] = [];

  constructor(tables: MatcherTables) {
    this.#tables = tables;
    this.#groups = new GroupMatcher(tables);
  }

  match(keys: Uint32Array): KvMatches {
    const special = this.#sort();
    const holders = this.#matchPlain(keys);
    if (special.length === 0) return { holders, everywhere: NO_PREFIX };
    const other = this.#groups.match(keys, special);
    holders.push(...other.holders);
    return { holders, everywhere: other.everywhere };
  }

  /** Marks the slots that can be followed together and returns the holders that cannot. */
  #sort(): OwningHolder[] {
    const { owners, holders } = this.#tables;
    const { bySlot } = holders;
    if (this.#plain.length !== owners.width) {
      this.#plain = new Uint32Array(owners.width);
      this.#active = new Uint32Array(owners.width);
      this.#length = new Uint32Array(32 * owners.width);
    }
    const cells = this.#length.length * this.#tables.planes.tiers.length;
    if (this.#slower.length < cells) this.#slower = new Uint32Array(cells);
    this.#plain.fill(0);
    const special: OwningHolder[] = [];
    const shared = bySlot.some((holder) => holder?.source.everywhere === true);
    for (const holder of bySlot) {
      if (holder === undefined) continue;
      if (shared || !isPlain(holder)) special.push(holder);
      else mark(this.#plain, holder.slot);
    }
    return special;
  }

  #matchPlain(keys: Uint32Array): KvMatch[] {
    const { blocks } = this.#tables;
    const count = keys.length >>> 1;
    this.#matched.length = 0;
    this.#active.set(this.#plain);
    let at = 0;
    for (; at < count; at++) {
      const owner = blocks.ownerAt(keys, at);
      const goesOn = owner !== NOBODY && this.#follow(owner, at);
      if (!goesOn) break;
    }
    if (at > 0) this.#leaveAll(at);
    return this.#matched.map((holder) => this.#result(holder));
  }

  /** Drops the active slots that do not own block `at`. False: none is left, and all have been noted. */
  #follow(owner: number, at: number): boolean {
    const { owners, planes } = this.#tables;
    if (owners.isSet(owner)) return this.#followSet(owner, at);
    const slot = owners.slot(owner);
    const word = this.#active[slot >>> 5] as number;
    if (((word >>> (slot & 31)) & 1) === 0) return false;
    this.#active[slot >>> 5] = word & ~(1 << (slot & 31));
    if (at > 0) this.#leaveAll(at);
    this.#active.fill(0);
    mark(this.#active, slot);
    if (at === 0) this.#start(slot);
    const tier = planes.all[owners.plane(owner)]?.tier ?? 0;
    if (tier !== planes.best) this.#countSlower(slot, tier);
    return true;
  }

  #followSet(owner: number, at: number): boolean {
    const { owners, planes } = this.#tables;
    const { words, width } = owners;
    const base = owners.base(owner);
    let left = 0;
    for (let word = 0; word < width; word++) {
      const before = this.#active[word] as number;
      if (before === 0) continue;
      let any = 0;
      let best = 0;
      for (let plane = 0; plane < owners.planes; plane++) {
        const bits = words[base + plane * width + word] as number;
        any |= bits;
        if (planes.all[plane]?.tier === planes.best) best |= bits;
      }
      const after = before & any;
      if (at === 0)
        this.#eachBit(after, word, (slot) => {
          this.#start(slot);
        });
      else if (after !== before) this.#leave(before & ~any, word, at);
      if ((after & ~best) !== 0) this.#slowerBits(owner, after & ~best, word);
      this.#active[word] = after;
      left |= after;
    }
    return left !== 0;
  }

  #slowerBits(owner: number, bits: number, word: number): void {
    const { owners, planes } = this.#tables;
    this.#eachBit(bits, word, (slot) => {
      let tier = -1;
      for (const plane of planes.all) {
        if (!owners.has(owner, slot, plane.id)) continue;
        if (tier < 0 || planes.weight(plane.tier) > planes.weight(tier)) tier = plane.tier;
      }
      this.#countSlower(slot, tier);
    });
  }

  #start(slot: number): void {
    const tiers = this.#tables.planes.tiers.length;
    this.#slower.fill(0, slot * tiers, (slot + 1) * tiers);
  }

  #countSlower(slot: number, tier: number): void {
    const at = slot * this.#tables.planes.tiers.length + tier;
    this.#slower[at] = (this.#slower[at] as number) + 1;
  }

  #leaveAll(length: number): void {
    for (let word = 0; word < this.#active.length; word++) {
      this.#leave(this.#active[word] as number, word, length);
    }
  }

  #leave(bits: number, word: number, length: number): void {
    this.#eachBit(bits, word, (slot) => {
      const holder = this.#tables.holders.bySlot[slot];
      if (holder === undefined) return;
      this.#length[slot] = length;
      this.#matched.push(holder);
    });
  }

  #eachBit(bits: number, word: number, visit: (slot: number) => void): void {
    for (let rest = bits; rest !== 0; rest &= rest - 1) {
      visit(32 * word + 31 - Math.clz32(rest & -rest));
    }
  }

  #result({ slot, source }: OwningHolder): KvMatch {
    const { planes } = this.#tables;
    const { tiers } = planes;
    const blocks = this.#length[slot] as number;
    const byTier: KvTierBlocks[] = [];
    let best = blocks;
    let weightedBlocks = 0;
    for (let tier = 0; tier < tiers.length; tier++) {
      if (tier === planes.best) continue;
      const count = this.#slower[slot * tiers.length + tier] as number;
      if (count === 0) continue;
      best -= count;
      weightedBlocks += count * planes.weight(tier);
      byTier.push({ tier: tiers[tier]?.name ?? '', blocks: count });
    }
    if (best > 0) byTier.unshift({ tier: tiers[planes.best]?.name ?? '', blocks: best });
    weightedBlocks += best * planes.weight(planes.best);
    const { pod, dpRank, model } = source;
    return { pod, dpRank, model, blocks, weightedBlocks, byTier };
  }
}

function mark(bits: Uint32Array, slot: number): void {
  bits[slot >>> 5] = (bits[slot >>> 5] as number) | (1 << (slot & 31));
}
