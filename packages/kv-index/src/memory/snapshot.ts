// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { RequestKeyAlgorithm } from '../request-key-hasher.ts';
import { writeBegun } from './begun-blocks-codec.ts';
import { ENTRY_WORDS } from './engine-table.ts';
import type { Holder } from './holder.ts';
import type { IndexTables } from './index-tables.ts';
import {
  BYTE_ORDER,
  HEAD_BYTES,
  MAGIC,
  SECTION_HEAD_WORDS,
  SectionKind,
  type SnapshotDirectory,
  VERSION,
  directoryBytes,
} from './snapshot-format.ts';

/** What an index was made for: keys of indexes that differ in it mean different things. */
export interface KeyOptions {
  readonly blockSizeTokens: number;
  readonly algorithm: RequestKeyAlgorithm;
  readonly hashSeed: string;
}

/**
 * The bytes of a snapshot, in chunks, of the index as it was when the snapshot was asked for. To be read once, and
 * disposed of unless it is read to its end.
 */
export interface KvIndexSnapshot extends AsyncIterable<Uint8Array>, Disposable {}

/** Chunks are no larger than this, so that whoever takes them can do so without a long turn. */
const CHUNK_BYTES = 1 << 20;

/**
 * The snapshots of an index that are under way. Each is a cut through one moment although batches go on being applied:
 * holders are written one after another, and one that is about to change is written before it does. So nothing waits,
 * no table is copied as a whole, and the longest turn is that of one holder's entries.
 */
export class SnapshotCuts {
  readonly #cuts = new Set<Cut>();

  /** To be called before anything that a holder has changes, and before its blocks are swept. */
  before(holder: Holder): void {
    for (const cut of this.#cuts) cut.write(holder);
  }

  begin(tables: IndexTables, keys: KeyOptions): KvIndexSnapshot {
    const cut = new Cut(tables, keys, () => this.#cuts.delete(cut));
    this.#cuts.add(cut);
    return cut;
  }
}

class Cut implements KvIndexSnapshot {
  readonly #tables: IndexTables;
  readonly #numbers: Map<Holder, number>;
  readonly #written: Uint8Array[];
  readonly #end: () => void;

  constructor(tables: IndexTables, keys: KeyOptions, end: () => void) {
    this.#tables = tables;
    this.#end = end;
    const live = tables.holders.bySlot.filter((holder) => holder !== undefined);
    this.#numbers = new Map(live.map((holder, number) => [holder, number]));
    this.#written = headOf(directoryOf(tables, live, keys));
  }

  /** Writes what a holder has, unless that has been done. */
  write(holder: Holder): void {
    const number = this.#numbers.get(holder);
    if (number === undefined) return;
    this.#numbers.delete(holder);
    for (const [kind, words] of this.#sectionsOf(holder)) {
      if (words.length > 0) this.#written.push(...section(kind, number, words));
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#chunks();
    } finally {
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#numbers.clear();
    this.#written.length = 0;
    this.#end();
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    let checksum = 0;
    for (;;) {
      while (this.#written.length === 0 && this.#numbers.size > 0) this.#writeNext();
      const bytes = this.#written.shift();
      if (bytes === undefined) break;
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        const chunk = bytes.subarray(at, at + CHUNK_BYTES);
        checksum = crc32(chunk, checksum);
        yield chunk;
        await setImmediate();
      }
    }
    const head = Uint32Array.of(SectionKind.end, 0, 1);
    yield Buffer.concat([asBytes(head), asBytes(Uint32Array.of(crc32(asBytes(head), checksum)))]);
  }

  #writeNext(): void {
    for (const holder of this.#numbers.keys()) {
      this.write(holder);
      return;
    }
  }

  *#sectionsOf(holder: Holder): Generator<readonly [kind: number, words: Uint32Array]> {
    const entries = holder.engine.entries();
    if (holder.hasDoubles) {
      const { seen, hidden } = this.#parted(holder, entries);
      yield [SectionKind.entries, seen];
      yield [SectionKind.hiddenEntries, hidden];
    } else yield [SectionKind.entries, entries];
    yield [SectionKind.begun, writeBegun(holder.partial.oldestFirst())];
  }

  /** Of two hashes that a holder has for one block, the other is still there when the block is not. */
  #parted({ slot }: Holder, entries: Uint32Array): { seen: Uint32Array; hidden: Uint32Array } {
    const { blocks, owners } = this.#tables;
    const seen = new Uint32Array(entries.length);
    const hidden: number[] = [];
    let length = 0;
    for (let at = 0; at < entries.length; at += ENTRY_WORDS) {
      const entry = entries.subarray(at, at + ENTRY_WORDS);
      const [, , low = 0, high = 0, meta = 0] = entry;
      if (owners.has(blocks.ownerOf(low, high), slot, meta & 0xff)) {
        seen.set(entry, length);
        length += ENTRY_WORDS;
      } else hidden.push(...entry);
    }
    return { seen: seen.subarray(0, length), hidden: Uint32Array.from(hidden) };
  }
}

function directoryOf(
  { holders, planes, blocks, unplaced, evicted }: IndexTables,
  live: readonly Holder[],
  keys: KeyOptions,
): SnapshotDirectory {
  return {
    ...keys,
    tiers: planes.tiers.map(({ name }) => name),
    planes: planes.all.map(({ tier, group }) => [tier, group]),
    holders: live.map(({ life, source, namesGroups, groups, engine }) => ({
      life,
      namesGroups,
      source,
      groups: [...groups],
      entries: engine.size,
    })),
    lives: holders.lives,
    blocks: blocks.size,
    unplaced,
    evicted,
  };
}

function headOf(directory: SnapshotDirectory): Uint8Array[] {
  const bytes = directoryBytes(directory);
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  head.set(asBytes(Uint32Array.of(VERSION, BYTE_ORDER, bytes.length)), MAGIC.length);
  return [head, bytes];
}

function section(kind: number, holder: number, words: Uint32Array): Uint8Array[] {
  const head = new Uint32Array(SECTION_HEAD_WORDS);
  head.set([kind, holder, words.length]);
  return [asBytes(head), asBytes(words)];
}

const asBytes = (words: Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
