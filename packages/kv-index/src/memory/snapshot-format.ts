// SPDX-License-Identifier: Apache-2.0
import type { AttentionGroup } from '../attention-group.ts';
import type { KvEventSource, KvUnplacedReason } from '../kv-block-index.ts';
import type { RequestKeyAlgorithm } from '../request-key-hasher.ts';

/**
 * A snapshot is a head, a directory (JSON, filled up with spaces to whole words), sections and an end; all numbers are
 * words of 32 bits in the order of the machine that wrote it, which is little-endian wherever Node runs today.
 *
 * Head: magic (8 bytes), version, {@link BYTE_ORDER}, bytes of the directory with its filling.
 * Section: kind, number of the holder in the directory, words that follow.
 * End: a section of one word, the CRC-32 of everything before that word.
 *
 * Only what holders have is kept. Who owns a block follows from it, so the block table is built anew: that takes a
 * second for millions of blocks, and makes the snapshot a third as large as the tables.
 */
export const MAGIC = Buffer.from('LLMDKVIX', 'latin1');
export const VERSION = 1;
export const BYTE_ORDER = 0x01020304;
/** Magic, version, byte order, length of the directory. */
export const HEAD_BYTES = 20;
/** Kind, holder, words. */
export const SECTION_HEAD_WORDS = 3;

/** What the words of a section are. */
export const SectionKind = {
  end: 0,
  /** Entries of an engine table, five words each. */
  entries: 1,
  /** The same, of which the holder no longer has the block: another of its hashes for it was removed. */
  hiddenEntries: 2,
  /** Engine blocks that do not fill a block of the index yet. */
  begun: 3,
} as const;

/** A life of a source, as the directory lists it. */
export interface SnapshotHolder {
  readonly life: number;
  readonly namesGroups: boolean;
  readonly source: KvEventSource;
  readonly groups: readonly (readonly [group: number, needs: AttentionGroup])[];
  /** How many entries its sections have together. */
  readonly entries: number;
}

/** What the numbers in sections stand for, and what must agree with the index that takes them over. */
export interface SnapshotDirectory {
  readonly blockSizeTokens: number;
  readonly algorithm: RequestKeyAlgorithm;
  readonly hashSeed: string;
  readonly tiers: readonly string[];
  /** By plane number: which of `tiers`, for which KV-cache group. */
  readonly planes: readonly (readonly [tier: number, group: number])[];
  readonly holders: readonly SnapshotHolder[];
  /** The last life that was given out. */
  readonly lives: number;
  /** Different blocks, at most. */
  readonly blocks: number;
  readonly unplaced: Readonly<Partial<Record<KvUnplacedReason, number>>>;
  readonly evicted: number;
}

/** The directory as words. */
export function directoryBytes(directory: SnapshotDirectory): Buffer {
  const json = JSON.stringify(directory);
  const length = Buffer.byteLength(json);
  return Buffer.from(json + ' '.repeat(-length & 3));
}
