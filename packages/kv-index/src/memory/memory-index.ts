// SPDX-License-Identifier: Apache-2.0
import { attentionGroup, sameGroup } from '../attention-group.ts';
import { type TierWeights, defaultTierWeights, tierOf } from '../cache-tier.ts';
import type {
  KvApplyReport,
  KvBlockIndex,
  KvEventSource,
  KvIndexStats,
  KvMatches,
  KvUnplaced,
  KvUnplacedReason,
} from '../kv-block-index.ts';
import type { BlockRemovedEvent, BlockStoredEvent, KvEventBatch } from '../kv-event-batch.ts';
import {
  type RequestKeyAlgorithm,
  type RequestKeyHasher,
  RequestKeyOptionsError,
  createRequestKeyHasher,
} from '../request-key-hasher.ts';
import { type AlignedBlocks, alignBlocks } from './block-alignment.ts';
import { BlockTable } from './block-table.ts';
import { MAX_ORDINALS, MAX_PLANES } from './engine-table.ts';
import type { Holder } from './holder.ts';
import { Holders } from './holders.ts';
import { OwnerSets } from './owner-sets.ts';
import { Planes } from './planes.ts';
import { PrefixMatcher } from './prefix-matcher.ts';

export interface MemoryKvBlockIndexOptions {
  /** Tokens in a block of the index. Default 16; engines' blocks may be multiples or divisors of it. */
  readonly blockSizeTokens?: number;
  /** Hash of the request keys; default `cbor-fnv`. Whoever looks up must use the same, and the same seed. */
  readonly algorithm?: RequestKeyAlgorithm;
  readonly hashSeed?: string;
  /** Most copies of blocks, swept or not. More are refused and reported. Default 64 million, about 4 GB. */
  readonly maxCopies?: number;
  /** Worth of a block by tier; merged over the defaults (gpu 1, cpu 0.8, disk 0.5, shared 0.4, others 0.5). */
  readonly tierWeights?: TierWeights;
  /**
   * Called with a slice of work to be done later, such as `setImmediate`: taking out the blocks of a cleared pod.
   * Default: none; the owner calls `sweep`.
   */
  readonly defer?: (slice: () => void) => void;
  /** Blocks that a deferred slice takes out. Default 5,000, about a millisecond. */
  readonly sliceBlocks?: number;
}

/** An index in this process: everything happens at once, nothing is waited for. */
export interface MemoryKvBlockIndex extends KvBlockIndex {
  apply(batch: KvEventBatch, source: KvEventSource): KvApplyReport;
  clear(pod: string): void;
  remove(pod: string): void;
  lookup(requestKeys: Uint32Array): KvMatches;
  stats(): KvIndexStats;
  /** Takes out up to so many blocks of cleared pods, and returns how many are left. */
  sweep(blocks: number): number;
}

/** An empty index. */
export function createMemoryKvBlockIndex(
  options: MemoryKvBlockIndexOptions = {},
): MemoryKvBlockIndex {
  return new MemoryIndex(options);
}

class MemoryIndex implements MemoryKvBlockIndex {
  readonly #blockSizeTokens: number;
  readonly #maxCopies: number;
  readonly #defer: ((slice: () => void) => void) | undefined;
  readonly #sliceBlocks: number;
  readonly #hasher: RequestKeyHasher;
  readonly #owners = new OwnerSets();
  readonly #blocks = new BlockTable(this.#owners);
  readonly #holders = new Holders();
  readonly #planes: Planes;
  readonly #matcher: PrefixMatcher;
  readonly #unplacedTotals: Partial<Record<KvUnplacedReason, number>> = {};
  #copies = 0;
  #unswept = 0;
  /** Where the sweep of the first retired holder stands. */
  #sweepAt = 0;
  #sliceIsDue = false;
  readonly #key = { low: 0, high: 0 };
  #unplaced: KvUnplaced[] = [];
  #stored = 0;
  #removed = 0;

  constructor(options: MemoryKvBlockIndexOptions) {
    const { blockSizeTokens = 16, maxCopies = 64_000_000, sliceBlocks = 5000 } = options;
    if (!Number.isInteger(blockSizeTokens) || blockSizeTokens < 1) {
      throw new RequestKeyOptionsError('blockSizeTokens', blockSizeTokens, 'a whole number from 1');
    }
    this.#blockSizeTokens = blockSizeTokens;
    this.#maxCopies = maxCopies;
    this.#sliceBlocks = sliceBlocks;
    this.#defer = options.defer;
    this.#hasher = createRequestKeyHasher(options);
    this.#planes = new Planes({ ...defaultTierWeights, ...options.tierWeights });
    const tables = { blocks: this.#blocks, owners: this.#owners };
    const who = { holders: this.#holders, planes: this.#planes };
    this.#matcher = new PrefixMatcher({ ...tables, ...who, blockSizeTokens });
  }

  apply(batch: KvEventBatch, source: KvEventSource): KvApplyReport {
    this.#unplaced = [];
    this.#stored = 0;
    this.#removed = 0;
    let holder = this.#holderOf(source);
    for (let i = 0; i < batch.events.length; i++) {
      const event = batch.events[i];
      if (event === undefined) continue;
      if (event.type === 'stored') this.#store(batch, event, holder, i);
      else if (event.type === 'removed') this.#remove(batch, event, holder, i);
      else {
        this.#renew(holder);
        holder = this.#holderOf(source);
      }
    }
    return {
      storedBlocks: this.#stored,
      removedBlocks: this.#removed,
      unplaced: this.#unplaced,
    };
  }

  clear(pod: string): void {
    for (const holder of this.#holders.ofPod(pod)) this.#renew(holder);
  }

  remove(pod: string): void {
    for (const holder of this.#holders.ofPod(pod)) this.#countRetired(holder);
    this.#holders.remove(pod);
    this.#scheduleSweep();
  }

  lookup(requestKeys: Uint32Array): KvMatches {
    return this.#matcher.match(requestKeys);
  }

  stats(): KvIndexStats {
    const live = this.#holders.bySlot.filter((holder) => holder !== undefined);
    return {
      blocks: this.#blocks.size,
      copies: this.#copies,
      unswept: this.#unswept,
      bytes: this.#bytes(live),
      unplaced: { ...this.#unplacedTotals },
      sources: live.map(({ source, engine }) => ({ ...source, copies: engine.size })),
    };
  }

  sweep(blocks: number): number {
    // A free place costs less than a block, but must not be free of charge either.
    let budget = blocks;
    for (;;) {
      const holder = this.#holders.retired[0];
      if (holder === undefined) return 0;
      const { engine, slot } = holder;
      const { capacity } = engine;
      while (this.#sweepAt < capacity && budget > 0) {
        const place = this.#sweepAt++;
        budget -= 0.25;
        if (!engine.isUsed(place)) continue;
        budget -= 0.75;
        this.#unswept--;
        const plane = engine.plane(place);
        this.#blocks.remove(engine.keyLow(place), engine.keyHigh(place), slot, plane);
      }
      if (this.#sweepAt < capacity) return this.#unswept;
      this.#sweepAt = 0;
      this.#holders.release(holder);
    }
  }

  #bytes(live: readonly Holder[]): number {
    const tables = [...live, ...this.#holders.retired].map(({ engine }) => engine.bytes);
    return tables.reduce((sum, bytes) => sum + bytes, this.#blocks.bytes + this.#owners.bytes);
  }

  #holderOf(source: KvEventSource): Holder {
    const waiting = this.#holders.retired.length;
    const holder = this.#holders.of(source);
    const retired = this.#holders.retired[waiting];
    if (retired !== undefined) {
      this.#countRetired(retired);
      this.#scheduleSweep();
    }
    this.#owners.widen(this.#holders.slots, this.#planes.all.length);
    return holder;
  }

  #renew(holder: Holder): void {
    if (holder.engine.size === 0 && holder.groups.size === 0) return;
    this.#countRetired(holder);
    this.#holders.renew(holder);
    this.#owners.widen(this.#holders.slots, this.#planes.all.length);
    this.#scheduleSweep();
  }

  #countRetired(holder: Holder): void {
    this.#copies -= holder.engine.size;
    this.#unswept += holder.engine.size;
  }

  #scheduleSweep(): void {
    if (this.#defer === undefined || this.#sliceIsDue || this.#holders.retired.length === 0) return;
    this.#sliceIsDue = true;
    this.#defer(() => {
      this.#sliceIsDue = false;
      this.sweep(this.#sliceBlocks);
      this.#scheduleSweep();
    });
  }

  #store(batch: KvEventBatch, event: BlockStoredEvent, holder: Holder, index: number): void {
    const blocks = event.hashEnd - event.hashStart;
    if (blocks === 0) return;
    const plane = this.#planeFor(event, holder);
    if (typeof plane === 'string') this.#leave(index, plane, blocks);
    else if (event.tokenEnd === event.tokenStart)
      this.#copy(batch, event, holder, { index, plane });
    else this.#place(batch, event, holder, { index, plane });
  }

  /** The plane an event stores into. The first event of a group says what the group needs. */
  #planeFor(event: BlockStoredEvent, holder: Holder): number | KvUnplacedReason {
    const group = event.groupIndex ?? 0;
    const known = holder.groups.get(group);
    if (known === undefined || event.specKind !== null) {
      const needs = attentionGroup(event.specKind, event.slidingWindowTokens);
      if (needs === undefined) return 'unsupported_cache_kind';
      if (known === undefined) holder.groups.set(group, needs);
      else if (!sameGroup(known, needs)) return 'group_changed';
    }
    const { id } = this.#planes.plane(this.#planes.tier(tierOf(event.medium)), group);
    if (id >= MAX_PLANES) return 'index_full';
    this.#owners.widen(this.#holders.slots, this.#planes.all.length);
    return id;
  }

  /** Blocks without tokens are copies of blocks known by their hashes. */
  #copy(
    batch: KvEventBatch,
    event: BlockStoredEvent,
    holder: Holder,
    { index, plane }: { index: number; plane: number },
  ): void {
    let unknown = 0;
    let refused = 0;
    for (let i = event.hashStart; i < event.hashEnd; i++) {
      const low = batch.hashes[2 * i] as number;
      const high = batch.hashes[2 * i + 1] as number;
      const from = this.#whereKnown(low, high, holder);
      if (from === undefined) unknown++;
      else if (this.#full) refused++;
      else {
        this.#copyEntries(from, holder, { low, high, plane });
        this.#stored++;
      }
    }
    if (unknown > 0) this.#leave(index, 'unknown_hash', unknown);
    if (refused > 0) this.#leave(index, 'index_full', refused);
  }

  /** Storage for all pods hears of hashes that pods of its model have stored. */
  #whereKnown(low: number, high: number, holder: Holder): Holder | undefined {
    if (holder.engine.first(low, high) >= 0) return holder;
    if (holder.source.everywhere !== true) return undefined;
    const { model } = holder.source;
    return this.#holders.bySlot.find(
      (other) => other?.source.model === model && other.engine.first(low, high) >= 0,
    );
  }

  #copyEntries(
    from: Holder,
    to: Holder,
    { low, high, plane }: { low: number; high: number; plane: number },
  ): void {
    const { engine } = from;
    const first = engine.first(low, high);
    const source = engine.plane(first);
    // Collected first: adding may move the entries that are read.
    const entries: { low: number; high: number; ordinal: number }[] = [];
    for (let at = first; at >= 0; at = engine.next(at)) {
      if (engine.plane(at) !== source) continue;
      const key = { low: engine.keyLow(at), high: engine.keyHigh(at) };
      entries.push({ ...key, ordinal: engine.ordinal(at) });
    }
    for (const entry of entries) {
      this.#key.low = entry.low;
      this.#key.high = entry.high;
      this.#add(to, { low, high }, plane, entry.ordinal);
    }
  }

  #place(
    batch: KvEventBatch,
    event: BlockStoredEvent,
    holder: Holder,
    { index, plane }: { index: number; plane: number },
  ): void {
    const blocks = event.hashEnd - event.hashStart;
    const ratio = this.#ratio(event);
    if (typeof ratio === 'string') {
      this.#leave(index, ratio, blocks);
      return;
    }
    if (this.#full) {
      this.#leave(index, 'index_full', blocks);
      return;
    }
    const aligned = alignBlocks(batch, event, {
      holder,
      blockSizeTokens: this.#blockSizeTokens,
      enginePerBlock: ratio < 1 ? Math.round(1 / ratio) : 1,
    });
    if (aligned === undefined) {
      this.#leave(index, 'unknown_parent', blocks);
      return;
    }
    const keys = this.#hasher.keysInPlace(aligned.tokens, aligned.range, {
      model: event.loraName ?? holder.source.model,
      blockSizeTokens: this.#blockSizeTokens,
      extras: aligned.extras,
      parent: aligned.parent,
    });
    this.#stored += blocks;
    const { hashes, hashStart } = aligned;
    if (ratio < 1)
      this.#addSmall(holder, aligned, keys, { plane, perBlock: Math.round(1 / ratio) });
    else if (holder.groups.get(event.groupIndex ?? 0)?.needs === 'last') {
      this.#addLast(holder, { hashes, hashStart, blocks, ratio }, keys, plane);
    } else this.#addLarge(holder, { hashes, hashStart, blocks, ratio }, keys, plane);
  }

  /** Blocks of the index in one of the engine's: a whole number, or one divided by a whole number. */
  #ratio(event: BlockStoredEvent): number | KvUnplacedReason {
    const { blockSizeTokens: size, tokenStart, tokenEnd, hashStart, hashEnd } = event;
    if (size < 1 || tokenEnd - tokenStart !== (hashEnd - hashStart) * size) {
      return 'invalid_block_span';
    }
    const larger = size / this.#blockSizeTokens;
    const smaller = this.#blockSizeTokens / size;
    const whole = Number.isInteger(larger) || Number.isInteger(smaller);
    if (!whole || Math.max(larger, smaller) > MAX_ORDINALS) return 'unsupported_block_size';
    return larger;
  }

  #addLarge(
    holder: Holder,
    from: { hashes: Uint32Array; hashStart: number; blocks: number; ratio: number },
    keys: Uint32Array,
    plane: number,
  ): void {
    this.#touch(holder, from, keys);
    const hash = { low: 0, high: 0 };
    for (let block = 0; block < from.blocks; block++) {
      hash.low = from.hashes[2 * (from.hashStart + block)] as number;
      hash.high = from.hashes[2 * (from.hashStart + block) + 1] as number;
      for (let ordinal = 0; ordinal < from.ratio; ordinal++) {
        const at = 2 * (block * from.ratio + ordinal);
        this.#key.low = keys[at] as number;
        this.#key.high = keys[at + 1] as number;
        this.#add(holder, hash, plane, ordinal);
      }
    }
  }

  /** Independent reads overlap, where those of one insertion after the other would each be waited for. */
  #touch(
    holder: Holder,
    { hashes, hashStart, blocks }: { hashes: Uint32Array; hashStart: number; blocks: number },
    keys: Uint32Array,
  ): void {
    let sum = 0;
    for (let at = 2 * hashStart; at < 2 * (hashStart + blocks); at += 2) {
      sum ^= holder.engine.touch(hashes[at] as number, hashes[at + 1] as number);
    }
    for (let at = 0; at < keys.length; at += 2) {
      sum ^= this.#blocks.touch(keys[at] as number, keys[at + 1] as number);
    }
    // Kept, so that the reads are not optimised away.
    this.#blocks.touched = sum;
  }

  /** A state holds for the end of its block only. */
  #addLast(
    holder: Holder,
    from: { hashes: Uint32Array; hashStart: number; blocks: number; ratio: number },
    keys: Uint32Array,
    plane: number,
  ): void {
    for (let block = 0; block < from.blocks; block++) {
      const at = 2 * (from.hashStart + block);
      const hash = { low: from.hashes[at] as number, high: from.hashes[at + 1] as number };
      const key = 2 * ((block + 1) * from.ratio - 1);
      this.#key.low = keys[key] as number;
      this.#key.high = keys[key + 1] as number;
      this.#add(holder, hash, plane, from.ratio - 1);
    }
  }

  #addSmall(
    holder: Holder,
    aligned: AlignedBlocks,
    keys: Uint32Array,
    { plane, perBlock }: { plane: number; perBlock: number },
  ): void {
    const { hashes, hashStart } = aligned;
    for (let key = 0; key < keys.length / 2; key++) {
      this.#key.low = keys[2 * key] as number;
      this.#key.high = keys[2 * key + 1] as number;
      for (let ordinal = 0; ordinal < perBlock; ordinal++) {
        const at = 2 * (hashStart + key * perBlock + ordinal);
        const hash = { low: hashes[at] as number, high: hashes[at + 1] as number };
        this.#add(holder, hash, plane, ordinal);
      }
    }
    this.#keepRest(holder, aligned, keys, perBlock);
  }

  /** Engine blocks that do not fill a block wait for the event that continues them. */
  #keepRest(holder: Holder, aligned: AlignedBlocks, keys: Uint32Array, perBlock: number): void {
    const { tokens, range, hashes, restExtras } = aligned;
    if (tokens.length === range.end) return;
    const { length } = keys;
    const last = { low: keys[length - 2] as number, high: keys[length - 1] as number };
    holder.partial.set(hashes.at(-2) as number, hashes.at(-1) as number, {
      tokens: tokens.slice(range.end),
      hashes: hashes.slice(length * perBlock),
      extras: restExtras,
      parent: length === 0 ? aligned.parent : last,
    });
  }

  /** Notes that an engine hash stands for {@link #key}. */
  #add(
    holder: Holder,
    hash: { readonly low: number; readonly high: number },
    plane: number,
    ordinal: number,
  ): void {
    const { low, high } = this.#key;
    if (!holder.engine.add(hash.low, hash.high, this.#key, plane | (ordinal << 8))) return;
    this.#copies++;
    this.#blocks.add(low, high, holder.slot, plane);
  }

  #remove(batch: KvEventBatch, event: BlockRemovedEvent, holder: Holder, index: number): void {
    const group = event.groupIndex ?? 0;
    const blocks = event.hashEnd - event.hashStart;
    if (!holder.groups.has(group)) {
      this.#leave(index, 'unknown_group', blocks);
      return;
    }
    const plane = this.#planes.plane(this.#planes.tier(tierOf(event.medium)), group).id;
    let unknown = 0;
    for (let i = event.hashStart; i < event.hashEnd; i++) {
      const low = batch.hashes[2 * i] as number;
      const high = batch.hashes[2 * i + 1] as number;
      if (this.#release(holder, low, high, plane)) this.#removed++;
      else unknown++;
    }
    if (unknown > 0) this.#leave(index, 'unknown_hash', unknown);
  }

  #release(holder: Holder, low: number, high: number, plane: number): boolean {
    const { engine } = holder;
    let found = false;
    let at = engine.first(low, high);
    while (at >= 0) {
      if (engine.plane(at) === plane) {
        found = true;
        if (engine.release(at)) {
          this.#blocks.remove(engine.keyLow(at), engine.keyHigh(at), holder.slot, plane);
          engine.delete(at);
          this.#copies--;
          at = engine.from(at, low, high);
          continue;
        }
      }
      at = engine.next(at);
    }
    return found;
  }

  get #full(): boolean {
    return this.#copies + this.#unswept >= this.#maxCopies;
  }

  #leave(event: number, reason: KvUnplacedReason, blocks: number): void {
    this.#unplaced.push({ event, reason, blocks });
    this.#unplacedTotals[reason] = (this.#unplacedTotals[reason] ?? 0) + blocks;
  }
}
