// SPDX-License-Identifier: Apache-2.0
import { attentionGroup, sameGroup } from '../attention-group.ts';
import { type TierWeights, tierOf } from '../cache-tier.ts';
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
import type { KvCopyChange, KvIndexRows, KvIndexSink } from '../rows/index-rows.ts';
import { type AlignedBlocks, alignBlocks } from './block-alignment.ts';
import type { BlockTable } from './block-table.ts';
import { ColdCopies } from './cold-copies.ts';
import { MAX_ORDINALS, MAX_PLANES } from './engine-table.ts';
import type { Holder } from './holder.ts';
import type { Holders } from './holders.ts';
import { type IndexTables, emptyTables } from './index-tables.ts';
import { MemoryRows } from './memory-rows.ts';
import type { OwnerSets } from './owner-sets.ts';
import type { Planes } from './planes.ts';
import { PrefixMatcher } from './prefix-matcher.ts';
import { type KeyOptions, type KvIndexSnapshot, SnapshotCuts } from './snapshot.ts';

export interface MemoryKvBlockIndexOptions {
  /** Tokens in a block of the index. Default 16; engines' blocks may be multiples or divisors of it. */
  readonly blockSizeTokens?: number;
  /** Hash of the request keys; default `cbor-fnv`. Whoever looks up must use the same, and the same seed. */
  readonly algorithm?: RequestKeyAlgorithm;
  readonly hashSeed?: string;
  /** Most copies of blocks, swept or not. More are refused and reported. Default 64 million, about 4 GB. */
  readonly maxCopies?: number;
  /**
   * Most memory of its tables in bytes, about; llm-d's `costAwareMemoryConfig.size`. A copy is taken for 75 bytes. When it
   * is full, what was neither stored nor looked up for longest is forgotten, and counted in `stats().evicted`: hits that
   * are missed, never hits that are not there. Default: only `maxCopies` counts.
   */
  readonly maxBytes?: number;
  /** Is told of every change, for a copy of the index elsewhere. Default none, which costs nothing. */
  readonly onChange?: KvIndexSink;
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

export interface MemoryKvIndexStats extends KvIndexStats {
  /** Copies that were forgotten for lack of memory since the beginning. */
  readonly evicted: number;
}

/** An index in this process: everything happens at once, nothing is waited for. */
export interface MemoryKvBlockIndex extends KvBlockIndex {
  apply(batch: KvEventBatch, source: KvEventSource): KvApplyReport;
  clear(pod: string): void;
  remove(pod: string): void;
  lookup(requestKeys: Uint32Array): KvMatches;
  stats(): MemoryKvIndexStats;
  /** What it knows, as a mirror of it elsewhere needs it. */
  readonly rows: KvIndexRows;
  /** Takes out up to so many blocks of cleared pods, and returns how many are left. */
  sweep(blocks: number): number;
  /**
   * Its content as it is now, as `restoreMemoryKvBlockIndex` reads it. Batches may be applied while it is read: each
   * source is written in one piece, before the first change to it, about 5 ms for a million copies.
   */
  snapshot(): KvIndexSnapshot;
}

/** An empty index. */
export function createMemoryKvBlockIndex(
  options: MemoryKvBlockIndexOptions = {},
): MemoryKvBlockIndex {
  return new MemoryIndex(options, emptyTables(options.tierWeights));
}

/** An index that goes on with these tables. */
export function createIndexOf(
  tables: IndexTables,
  options: MemoryKvBlockIndexOptions,
): MemoryKvBlockIndex {
  return new MemoryIndex(options, tables);
}

const NO_CHANGE: KvCopyChange = {
  ...{ low: 0, high: 0, hashLow: 0, hashHigh: 0 },
  ...{ ordinal: 0, life: 0, plane: 0 },
};
/** What a copy takes at most, with the places that tables keep free for growing. */
const COPY_BYTES = 75;
/** More is forgotten at once than must be, for the hand passes over much that is warm. */
const SPARE_COPIES = 1024;

class MemoryIndex implements MemoryKvBlockIndex {
  readonly #blockSizeTokens: number;
  readonly #maxCopies: number;
  readonly #maxBytes: number | undefined;
  readonly #cold: ColdCopies;
  readonly #sink: KvIndexSink | undefined;
  readonly #change = { ...NO_CHANGE };
  readonly rows: KvIndexRows;
  readonly #defer: ((slice: () => void) => void) | undefined;
  readonly #sliceBlocks: number;
  readonly #hasher: RequestKeyHasher;
  readonly #tables: IndexTables;
  readonly #owners: OwnerSets;
  readonly #blocks: BlockTable;
  readonly #holders: Holders;
  readonly #planes: Planes;
  readonly #keyOptions: KeyOptions;
  readonly #cuts = new SnapshotCuts();
  readonly #matcher: PrefixMatcher;
  readonly #unplacedTotals: Partial<Record<KvUnplacedReason, number>>;
  #copies = 0;
  #unswept = 0;
  #evicted: number;
  /** Where the sweep of the first retired holder stands. */
  #sweepAt = 0;
  #sliceIsDue = false;
  readonly #key = { low: 0, high: 0 };
  #unplaced: KvUnplaced[] = [];
  #stored = 0;
  #removed = 0;

  constructor(options: MemoryKvBlockIndexOptions, tables: IndexTables) {
    const { blockSizeTokens = 16, maxCopies = 64_000_000, sliceBlocks = 5000 } = options;
    if (!Number.isInteger(blockSizeTokens) || blockSizeTokens < 1) {
      throw new RequestKeyOptionsError('blockSizeTokens', blockSizeTokens, 'a whole number from 1');
    }
    this.#blockSizeTokens = blockSizeTokens;
    this.#maxCopies = maxCopies;
    this.#sliceBlocks = sliceBlocks;
    this.#defer = options.defer;
    this.#hasher = createRequestKeyHasher(options);
    const { algorithm = 'cbor-fnv', hashSeed = '' } = options;
    this.#keyOptions = { blockSizeTokens, algorithm, hashSeed };
    this.#tables = tables;
    this.#owners = tables.owners;
    this.#blocks = tables.blocks;
    this.#holders = tables.holders;
    this.#planes = tables.planes;
    this.#unplacedTotals = tables.unplaced;
    this.#evicted = tables.evicted;
    for (const holder of this.#holders.bySlot) this.#copies += holder?.engine.size ?? 0;
    const all = { ...tables, blockSizeTokens };
    this.#matcher = new PrefixMatcher(all);
    this.rows = new MemoryRows(all);
    this.#sink = options.onChange;
    this.#maxBytes = options.maxBytes;
    this.#cold = new ColdCopies({
      blocks: this.#blocks,
      holders: this.#holders,
      drop: (holder, low, high) => this.#forget(holder, low, high),
    });
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
    this.#sink?.directoryChanged();
    this.#scheduleSweep();
  }

  lookup(requestKeys: Uint32Array): KvMatches {
    const matches = this.#matcher.match(requestKeys);
    if (this.#maxBytes !== undefined) this.#warmMatched(requestKeys, matches);
    return matches;
  }

  stats(): MemoryKvIndexStats {
    const live = this.#holders.bySlot.filter((holder) => holder !== undefined);
    return {
      blocks: this.#blocks.size,
      copies: this.#copies,
      unswept: this.#unswept,
      evicted: this.#evicted,
      bytes: this.#bytes(live),
      unplaced: { ...this.#unplacedTotals },
      sources: live.map(({ source, engine }) => ({ ...source, copies: engine.size })),
    };
  }

  snapshot(): KvIndexSnapshot {
    const unplaced = { ...this.#unplacedTotals };
    return this.#cuts.begin(
      { ...this.#tables, unplaced, evicted: this.#evicted },
      this.#keyOptions,
    );
  }

  sweep(blocks: number): number {
    // A free place costs less than a block, but must not be free of charge either.
    let budget = blocks;
    for (;;) {
      const holder = this.#holders.retired[0];
      if (holder === undefined) return 0;
      this.#cuts.before(holder);
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
        if (this.#sink !== undefined) this.#tellRemoved(holder, place);
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
    const { version } = this.#holders;
    const holder = this.#holders.of(source);
    this.#cuts.before(holder);
    if (this.#holders.version !== version) this.#sink?.directoryChanged();
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
    this.#sink?.directoryChanged();
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
      if (known === undefined) {
        holder.namesGroups = event.groupIndex !== null;
        holder.groups.set(group, needs);
        this.#sink?.directoryChanged();
      } else if (!sameGroup(known, needs)) return 'group_changed';
    }
    const id = this.#planeOf(event.medium, group);
    if (id >= MAX_PLANES) return 'index_full';
    this.#owners.widen(this.#holders.slots, this.#planes.all.length);
    return id;
  }

  #planeOf(medium: string | null, group: number): number {
    const before = this.#planes.all.length;
    const { id } = this.#planes.plane(this.#planes.tier(tierOf(medium)), group);
    if (this.#planes.all.length !== before) this.#sink?.directoryChanged();
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
      // First, because making room may forget the hash.
      const hasRoom = this.#hasRoom(1);
      const from = this.#whereKnown(low, high, holder);
      if (from === undefined) unknown++;
      else if (!hasRoom) refused++;
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
    if (event.hasParent) this.#warmParent(event, holder);
    if (!this.#hasRoom(Math.ceil(blocks * Math.max(1, ratio)))) {
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
    if (!holder.engine.add(hash.low, hash.high, this.#key, plane | (ordinal << 8))) {
      if (this.#maxBytes !== undefined) this.#blocks.warm(low, high);
      return;
    }
    this.#copies++;
    if (!this.#blocks.add(low, high, holder.slot, plane)) holder.hasDoubles = true;
    if (this.#sink !== undefined) this.#tellAdded(holder, hash, plane, ordinal);
  }

  #remove(batch: KvEventBatch, event: BlockRemovedEvent, holder: Holder, index: number): void {
    const group = event.groupIndex ?? 0;
    const blocks = event.hashEnd - event.hashStart;
    if (!holder.groups.has(group)) {
      this.#leave(index, 'unknown_group', blocks);
      return;
    }
    const plane = this.#planeOf(event.medium, group);
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
          this.#takeOut(holder, at);
          at = engine.from(at, low, high);
          continue;
        }
      }
      at = engine.next(at);
    }
    return found;
  }

  /** Takes an entry out of both tables. Another may come to its place. */
  #takeOut(holder: Holder, at: number): void {
    const { engine, slot } = holder;
    this.#blocks.remove(engine.keyLow(at), engine.keyHigh(at), slot, engine.plane(at));
    if (this.#sink !== undefined) this.#tellRemoved(holder, at);
    engine.delete(at);
    this.#copies--;
  }

  /** Whether so many copies may be added, after forgetting what is cold where memory is bounded. */
  #hasRoom(copies: number): boolean {
    if (this.#copies + this.#unswept >= this.#maxCopies) return false;
    if (this.#maxBytes === undefined) return true;
    const most = Math.floor((this.#maxBytes - this.#owners.bytes) / COPY_BYTES);
    if (copies > most) return false;
    this.#cold.stored(copies, most);
    if (this.#copies + this.#unswept + copies <= most) return true;
    // What nobody sees any more goes first.
    if (this.#unswept > 0) this.sweep(Infinity);
    const missing = this.#copies + copies - most;
    if (missing > 0) this.#cold.forget(missing + Math.min(SPARE_COPIES, most >>> 4));
    return this.#copies + copies <= most;
  }

  /** Forgets an engine hash, in whatever planes and for whatever keys, as if its removal had been reported. */
  #forget(holder: Holder, low: number, high: number): number {
    this.#cuts.before(holder);
    const { engine } = holder;
    const before = this.#copies;
    for (let at = engine.first(low, high); at >= 0; at = engine.from(at, low, high)) {
      this.#takeOut(holder, at);
    }
    this.#evicted += before - this.#copies;
    return before - this.#copies;
  }

  #warmMatched(keys: Uint32Array, { holders, everywhere }: KvMatches): void {
    const longest = holders.reduce((most, { blocks }) => Math.max(most, blocks), everywhere.blocks);
    for (let at = 0; at < 2 * longest; at += 2) {
      this.#blocks.warm(keys[at] as number, keys[at + 1] as number);
    }
  }

  /** What an event continues must not be forgotten to make room for it. */
  #warmParent({ parentLow, parentHigh }: BlockStoredEvent, { engine }: Holder): void {
    if (this.#maxBytes === undefined) return;
    for (let at = engine.first(parentLow, parentHigh); at >= 0; at = engine.next(at)) {
      this.#blocks.warm(engine.keyLow(at), engine.keyHigh(at));
    }
  }

  #tellAdded(
    holder: Holder,
    hash: { readonly low: number; readonly high: number },
    plane: number,
    ordinal: number,
  ): void {
    const change = this.#change;
    change.low = this.#key.low;
    change.high = this.#key.high;
    change.hashLow = hash.low;
    change.hashHigh = hash.high;
    change.ordinal = ordinal;
    change.life = holder.life;
    change.plane = plane;
    this.#sink?.copyAdded(change);
  }

  #tellRemoved({ engine, life }: Holder, at: number): void {
    const change = this.#change;
    change.low = engine.keyLow(at);
    change.high = engine.keyHigh(at);
    change.hashLow = engine.hashLow(at);
    change.hashHigh = engine.hashHigh(at);
    change.ordinal = engine.ordinal(at);
    change.life = life;
    change.plane = engine.plane(at);
    this.#sink?.copyRemoved(change);
  }

  #leave(event: number, reason: KvUnplacedReason, blocks: number): void {
    this.#unplaced.push({ event, reason, blocks });
    this.#unplacedTotals[reason] = (this.#unplacedTotals[reason] ?? 0) + blocks;
  }
}
