// SPDX-License-Identifier: Apache-2.0

/** Something besides tokens that a block's content depends on: a name, or an item of media and where it begins. */
export type ExtraKey = string | readonly [identifier: string, offsetTokens: number];

/** Hashes of blocks as pairs of halves: the low half of hash i at 2i, the high half at 2i + 1. */
export type HashPairs = Uint32Array | readonly number[];

/**
 * Blocks that a cache now holds. Optional fields came into vLLM one after the other; in events written as arrays, fields
 * after the last one that is not undefined are left off, as a version does that does not know them.
 */
export interface KvStoredEvent {
  readonly kind: 'stored';
  /** In chain order. */
  readonly hashes: HashPairs;
  /** Hash of the block before the first as [low, high]; null at the start of a prompt. */
  readonly parent: readonly [low: number, high: number] | null;
  /** The tokens of exactly these blocks. Empty for copies in an offload tier that say no more than their hash. */
  readonly tokens: Uint32Array;
  /** 0 where the event does not say. */
  readonly blockSizeTokens: number;
  /** Such as `GPU`, `CPU`. */
  readonly medium: string;
  readonly loraId: number | null;
  readonly loraName: string | null;
  /** For each block nil or a list, in the order adapter, media, salt. Null: not said. */
  readonly extraKeys?: readonly (readonly ExtraKey[] | null)[] | null | undefined;
  readonly groupIndex?: number | null | undefined;
  /** Such as `full_attention`. */
  readonly specKind?: string | null | undefined;
  readonly slidingWindowTokens?: number | null | undefined;
  /** Written in maps only. */
  readonly sessionId?: string | null | undefined;
  /** Written in SGLang's dialect only, which has no extra keys. */
  readonly cacheSalt?: string | null | undefined;
}

/** Blocks that a cache has given up, one copy of each. */
export interface KvRemovedEvent {
  readonly kind: 'removed';
  readonly hashes: HashPairs;
  readonly medium: string;
  readonly groupIndex?: number | null | undefined;
}

/** Everything was given up. */
export interface KvClearedEvent {
  readonly kind: 'cleared';
}

/**
 * A change of what an engine's caches hold, as vLLM reports it: one `stored` per request and step, `removed` in its place
 * before the store that it made room for, and as many of either as there are copies of a block.
 */
export type KvEvent = KvStoredEvent | KvRemovedEvent | KvClearedEvent;
