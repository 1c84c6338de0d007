// SPDX-License-Identifier: Apache-2.0
import type { AttentionGroup } from '../attention-group.ts';
import type { KvEventSource } from '../kv-block-index.ts';
import type { ByteWriter } from './byte-writer.ts';

/** A holder as rows name it. */
export interface KvRowHolder {
  /**
   * Number of this life of the source: another one after every clear and in every epoch, and never one that was given
   * out before. Below 2³⁰.
   */
  readonly life: number;
  readonly source: KvEventSource;
  /** Whether its events say to which group a block belongs; the group is 0 where they do not. */
  readonly namesGroups: boolean;
  /** What each of its KV-cache groups needs. */
  readonly groups: readonly (readonly [group: number, needs: AttentionGroup])[];
}

/** What the numbers in rows stand for. A life that is not listed has been given up: rows that name it mean nobody. */
export interface KvRowDirectory {
  readonly blockSizeTokens: number;
  readonly holders: readonly KvRowHolder[];
  readonly tiers: readonly string[];
  /** By plane number: which of `tiers`, for which KV-cache group. */
  readonly planes: readonly (readonly [tier: number, group: number])[];
}

/** The rows of an index, for those who keep a copy of them elsewhere. */
export interface KvIndexRows {
  /** How many there are, with those that name only lives given up and not swept yet. */
  readonly count: number;
  directory(): KvRowDirectory;
  /** Appends the row of a request key; nothing where nobody has the block. */
  write(low: number, high: number, to: ByteWriter): void;
  /** All request keys are in so many parts. */
  readonly parts: number;
  /** The request keys of one part as pairs: a copy. What comes later is told to the {@link KvIndexSink}. */
  keysOf(part: number): Uint32Array;
}

/** A copy of a block that came or went. Belongs to the index: it says something else after the call. */
export interface KvCopyChange {
  /** Request key. */
  readonly low: number;
  readonly high: number;
  /** The engine's hash. */
  readonly hashLow: number;
  readonly hashHigh: number;
  /**
   * Which of the hash's request keys it is; where several engine blocks make one of the index, which of those the hash
   * is.
   */
  readonly ordinal: number;
  /** The holder, by its life. */
  readonly life: number;
  readonly plane: number;
}

/**
 * Is told what changed in an index, after each change and within the call that made it. It may read the rows, and must
 * not change the index.
 */
export interface KvIndexSink {
  /** Someone has a block, by an engine hash that did not stand for it before. */
  copyAdded(change: KvCopyChange): void;
  /** An engine hash no longer stands for a block: then its holder does not have it in that plane. */
  copyRemoved(change: KvCopyChange): void;
  /** The directory is another: a holder came, went or has one more group, or there is a new plane. */
  directoryChanged(): void;
}
