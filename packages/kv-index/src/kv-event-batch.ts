// SPDX-License-Identifier: Apache-2.0

/** Blocks a model server has put into a cache. */
export interface BlockStoredEvent {
  readonly type: 'stored';
  /** The engine's hashes of the blocks, in chain order: an inclusive-exclusive range of {@link KvEventBatch.hashes}. */
  readonly hashStart: number;
  readonly hashEnd: number;
  /** Hash of the block before the first one. False: the first block begins the prompt, and both halves are 0. */
  readonly hasParent: boolean;
  readonly parentLow: number;
  readonly parentHigh: number;
  /** Tokens of exactly these blocks, a range of {@link KvEventBatch.tokens}; empty for copies in offload tiers. */
  readonly tokenStart: number;
  readonly tokenEnd: number;
  /** Tokens in a block; 0 where the engine did not say. */
  readonly blockSizeTokens: number;
  /** Where the blocks are, in the engine's words, such as `GPU`. Null means the accelerator. */
  readonly medium: string | null;
  readonly loraName: string | null;
  /** What a block's content depends on besides tokens, one list for each block. Null: nothing for any of them. */
  readonly extraKeys: readonly (readonly string[] | null)[] | null;
  /** KV-cache group of a hybrid model; null counts as 0. */
  readonly groupIndex: number | null;
  /** Attention kind of the group, such as `full_attention`. Null: the engine did not say. */
  readonly specKind: string | null;
  readonly slidingWindowTokens: number | null;
}

/** Blocks a model server has dropped from a cache. */
export interface BlockRemovedEvent {
  readonly type: 'removed';
  readonly hashStart: number;
  readonly hashEnd: number;
  readonly medium: string | null;
  readonly groupIndex: number | null;
}

/** A model server has dropped everything. */
export interface AllBlocksClearedEvent {
  readonly type: 'cleared';
}

export type KvEvent = BlockStoredEvent | BlockRemovedEvent | AllBlocksClearedEvent;

/** An event that was readable but made no sense; it was left out of the batch. */
export interface KvEventProblem {
  /** Position of the event among all events of the batch. */
  readonly event: number;
  /** Byte of the payload where it went wrong. */
  readonly offset: number;
  /** What was expected there, and what was found. */
  readonly message: string;
}

/** One message of a model server: what it did in one scheduler step, in order. */
export interface KvEventBatch {
  /** When the engine made it, in seconds since the Unix epoch. */
  readonly timestampSeconds: number;
  readonly dataParallelRank: number | null;
  readonly events: readonly KvEvent[];
  /** 64-bit engine hashes as pairs: hash i has its low half at 2i, its high half at 2i + 1. */
  readonly hashes: Uint32Array;
  readonly tokens: Uint32Array;
  readonly problems: readonly KvEventProblem[];
}
