// SPDX-License-Identifier: Apache-2.0
import type { KvEventBatch } from './kv-event-batch.ts';

/** Who published a batch. */
export interface KvEventSource {
  /** Where its requests are served, such as `10.0.0.1:8000`. */
  readonly pod: string;
  readonly dpRank: number;
  /** Model whose blocks these are; an event's adapter takes its place. */
  readonly model: string;
  /**
   * One life of the publisher. Another value than before means that it has started anew: what it held is forgotten.
   */
  readonly epoch: string;
  /** Storage that every pod can load from, instead of a pod. Default false. */
  readonly everywhere?: boolean;
}

/** Why blocks of an event did not change the index. */
export type KvUnplacedReason =
  /** The block before them is not known here. */
  | 'unknown_parent'
  /** Removed, or copied to another tier, without having been stored. */
  | 'unknown_hash'
  /** Removed from a group of which nothing was stored. */
  | 'unknown_group'
  /** There are more or fewer tokens than the blocks have. */
  | 'invalid_block_span'
  /** The engine's block size neither divides the index's nor is a multiple of it. */
  | 'unsupported_block_size'
  /** An attention kind whose blocks say nothing about a prefix. */
  | 'unsupported_cache_kind'
  /** The group had another attention kind before. */
  | 'group_changed'
  | 'index_full';

/** Blocks that did not change the index. */
export interface KvUnplaced {
  /** Position of the event in the batch. */
  readonly event: number;
  readonly reason: KvUnplacedReason;
  /** How many blocks of the event. */
  readonly blocks: number;
}

/** What a batch did. */
export interface KvApplyReport {
  readonly storedBlocks: number;
  readonly removedBlocks: number;
  /** Empty when everything was placed. */
  readonly unplaced: readonly KvUnplaced[];
}

export interface KvTierBlocks {
  /** `gpu`, `cpu`, `disk`, `shared`, or an engine's own word in lower case. */
  readonly tier: string;
  readonly blocks: number;
}

/** The part of a prompt that can be used without computing it. */
export interface KvPrefix {
  /** Leading blocks, without a gap, that can be loaded. */
  readonly blocks: number;
  /** The same, each with the weight of the best tier that has it. */
  readonly weightedBlocks: number;
  /** The same by that tier; without tiers that have none. */
  readonly byTier: readonly KvTierBlocks[];
}

/** What one pod's rank has of a prompt. */
export interface KvMatch extends KvPrefix {
  readonly pod: string;
  readonly dpRank: number;
  readonly model: string;
}

export interface KvMatches {
  /** Those that hold at least one block of a prefix that they can use, in no particular order. */
  readonly holders: readonly KvMatch[];
  /** What every other pod has, from storage that all can load from. */
  readonly everywhere: KvPrefix;
}

export interface KvIndexStats {
  /** Different blocks known to be somewhere, with those of cleared pods that have not been swept yet. */
  readonly blocks: number;
  /** Copies of blocks: pairs of an engine's hash and the tier and group of a pod that has it. */
  readonly copies: number;
  /** Copies of cleared pods that no lookup sees, still to be swept. */
  readonly unswept: number;
  /** Memory of its tables; 0 for an index that keeps them elsewhere. */
  readonly bytes: number;
  /** Blocks that could not be placed since the beginning, by reason. */
  readonly unplaced: Readonly<Partial<Record<KvUnplacedReason, number>>>;
  readonly sources: readonly (KvEventSource & { readonly copies: number })[];
}

/** A value, or a promise of it from an index that lives elsewhere. */
export type Awaitable<T> = T | Promise<T>;

/**
 * Which pod has which blocks of which prompts, kept up to date by the engines' events.
 *
 * Engine hashes mean something only together with source; what is looked up are request keys, which the index computes
 * from the events' tokens. Copies are counted: a block is gone when each of its copies was removed. Where two engine
 * hashes of one source name the same request key, it is gone with the first of them: a hit missed rather than invented.
 */
export interface KvBlockIndex {
  /** Applies the events in order. An event that cannot be placed is reported; the others are applied. */
  apply(batch: KvEventBatch, source: KvEventSource): Awaitable<KvApplyReport>;
  /** Forgets all blocks of a pod, for lookups at once. */
  clear(pod: string): Awaitable<void>;
  /** The same, and forgets the pod. */
  remove(pod: string): Awaitable<void>;
  /** Who has the longest beginning of the chain; keys as pairs, as a `RequestKeyHasher` gives them. */
  lookup(requestKeys: Uint32Array): Awaitable<KvMatches>;
  stats(): Awaitable<KvIndexStats>;
}
