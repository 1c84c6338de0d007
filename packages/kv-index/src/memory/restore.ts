// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { readBegun } from './begun-blocks-codec.ts';
import { ENTRY_WORDS } from './engine-table.ts';
import type { Holder } from './holder.ts';
import { type IndexTables, emptyTables } from './index-tables.ts';
import {
  type MemoryKvBlockIndex,
  type MemoryKvBlockIndexOptions,
  createIndexOf,
} from './memory-index.ts';
import { KvSnapshotError } from './snapshot-error.ts';
import {
  BYTE_ORDER,
  HEAD_BYTES,
  MAGIC,
  SECTION_HEAD_WORDS,
  SectionKind,
  type SnapshotDirectory,
  VERSION,
} from './snapshot-format.ts';
import { readDirectory } from './snapshot-directory.ts';

/** Bytes of which the checksum is taken in one turn of the event loop, and entries that are put in. */
const CHECKED_BYTES = 2 << 20;
const PUT_ENTRIES = 2048;
/** Entries whose places are looked at together before they are put in, so that their reads overlap. */
const TOGETHER = 64;

/**
 * The index that a snapshot was taken of: it finds the same and goes on from there as that one did. What it has not is
 * blocks of cleared pods that waited to be swept, and the order in which blocks were used. `options` must agree in
 * block size, hash and seed. Works in slices of some milliseconds; `onChange` is told nothing of what is taken over.
 * Rejects with {@link KvSnapshotError}.
 */
export async function restoreMemoryKvBlockIndex(
  bytes: Uint8Array,
  options: MemoryKvBlockIndexOptions = {},
): Promise<MemoryKvBlockIndex> {
  const body = await checked(bytes);
  const directory = readDirectory(body.directory, options);
  const tables: IndexTables = {
    ...emptyTables(options.tierWeights),
    unplaced: { ...directory.unplaced },
    evicted: directory.evicted,
  };
  const holders = await putHolders(directory, tables);
  for (const section of body.sections) {
    const holder = holders[section.holder];
    if (holder === undefined) throw content(`a section is of holder ${section.holder}`);
    if (section.kind === SectionKind.begun) putBegun(section.words, holder);
    else await putEntries(section, { directory, holder, tables });
  }
  for (const [number, { entries }] of directory.holders.entries()) {
    const put = holders[number]?.engine.size ?? 0;
    if (put !== entries) throw content(`holder ${number} has ${put} entries instead of ${entries}`);
  }
  return createIndexOf(tables, options);
}

interface Section {
  readonly kind: number;
  readonly holder: number;
  readonly words: Uint32Array;
}

interface SnapshotBody {
  readonly directory: Uint8Array;
  readonly sections: readonly Section[];
}

/** The parts of a snapshot, once it is known that all of it is there as it was written. */
async function checked(bytes: Uint8Array): Promise<SnapshotBody> {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw new KvSnapshotError('KV_SNAPSHOT_FOREIGN', 'the bytes are no snapshot of an index');
  }
  if (bytes.length < HEAD_BYTES) throw cutShort(bytes.length);
  // Words need bytes that begin at a multiple of four.
  const whole = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  const words = new Uint32Array(whole.buffer, whole.byteOffset, whole.length >>> 2);
  const [, , version = 0, order = 0, directoryBytes = 0] = words;
  if (order !== BYTE_ORDER) {
    const message = 'the snapshot is of a machine with another byte order';
    throw new KvSnapshotError('KV_SNAPSHOT_BYTE_ORDER', message);
  }
  if (version !== VERSION) {
    const message = `the snapshot has format ${version}, this program reads ${VERSION}`;
    throw new KvSnapshotError('KV_SNAPSHOT_VERSION', message);
  }
  const { sections, end } = sectionsOf(words, (HEAD_BYTES + directoryBytes) / 4);
  if (whole.length > end * 4) throw content(`${whole.length - end * 4} bytes follow its end`);
  await verify(whole.subarray(0, 4 * (end - 1)), words[end - 1] ?? 0);
  return { directory: whole.subarray(HEAD_BYTES, HEAD_BYTES + directoryBytes), sections };
}

/** All sections before the end, and where the words after the end begin. */
function sectionsOf(words: Uint32Array, first: number): { sections: Section[]; end: number } {
  const sections: Section[] = [];
  for (let at = first; Number.isInteger(at);) {
    const [kind = -1, holder = 0, length = 0] = words.subarray(at, at + SECTION_HEAD_WORDS);
    const from = at + SECTION_HEAD_WORDS;
    const end = from + length;
    if (kind < 0 || end > words.length) throw cutShort(4 * words.length);
    if (kind === SectionKind.end) return { sections, end };
    sections.push({ kind, holder, words: words.subarray(from, end) });
    at = end;
  }
  throw content('its directory ends within a word');
}

async function verify(bytes: Uint8Array, expected: number): Promise<void> {
  let checksum = 0;
  for (let at = 0; at < bytes.length; at += CHECKED_BYTES) {
    checksum = crc32(bytes.subarray(at, at + CHECKED_BYTES), checksum);
    await setImmediate();
  }
  if (checksum === expected) return;
  const message = 'the snapshot is damaged: its checksum is another';
  throw new KvSnapshotError('KV_SNAPSHOT_CHECKSUM', message);
}

async function putHolders(directory: SnapshotDirectory, tables: IndexTables): Promise<Holder[]> {
  const { holders, planes, owners, blocks } = tables;
  for (const name of directory.tiers) planes.tier(name);
  for (const [tier, group] of directory.planes) planes.plane(tier, group);
  const put = directory.holders.map(({ life, source, namesGroups, groups, entries }) => {
    const holder = holders.restore(source, life);
    holder.namesGroups = namesGroups;
    for (const [group, needs] of groups) holder.groups.set(group, needs);
    return { holder, entries };
  });
  holders.liveOnAfter(directory.lives);
  owners.widen(holders.slots, planes.all.length);
  // Memory is taken for the first time, which is work as well.
  for (const { holder, entries } of put) {
    holder.engine.reserve(entries);
    await setImmediate();
  }
  for (let part = 0; part < blocks.parts; part++) {
    blocks.reserve(part, directory.blocks / blocks.parts);
    await setImmediate();
  }
  return put.map(({ holder }) => holder);
}

interface Whose {
  readonly directory: SnapshotDirectory;
  readonly holder: Holder;
  readonly tables: IndexTables;
}

async function putEntries({ kind, words }: Section, whose: Whose): Promise<void> {
  const isSeen = kind === SectionKind.entries;
  if (!isSeen && kind !== SectionKind.hiddenEntries) throw content(`a section is of kind ${kind}`);
  if (words.length % ENTRY_WORDS !== 0) throw content('a section ends within an entry');
  if (!isSeen) whose.holder.hasDoubles = true;
  const slice = PUT_ENTRIES * ENTRY_WORDS;
  for (let at = 0; at < words.length; at += slice) {
    putSlice(words.subarray(at, at + slice), isSeen, whose);
    await setImmediate();
  }
}

function putSlice(
  entries: Uint32Array,
  isSeen: boolean,
  { directory, holder, tables }: Whose,
): void {
  const { blocks } = tables;
  const { engine, slot } = holder;
  const together = TOGETHER * ENTRY_WORDS;
  for (let from = 0; from < entries.length; from += together) {
    const end = Math.min(entries.length, from + together);
    let sum = 0;
    for (let at = from; at < end; at += ENTRY_WORDS) {
      sum ^= engine.touch(entries[at] as number, entries[at + 1] as number);
      sum ^= blocks.touch(entries[at + 2] as number, entries[at + 3] as number);
    }
    // Kept, so that the reads are not optimised away.
    blocks.touched = sum;
    for (let at = from; at < end; at += ENTRY_WORDS) {
      const meta = entries[at + 4] as number;
      const plane = meta & 0xff;
      if (meta >>> 16 === 0 || plane >= directory.planes.length) {
        throw content(`an entry of ${holder.source.pod} is in no plane`);
      }
      engine.put(entries, at);
      if (!isSeen) continue;
      const isNew = blocks.add(entries[at + 2] as number, entries[at + 3] as number, slot, plane);
      if (!isNew) holder.hasDoubles = true;
    }
  }
}

function putBegun(words: Uint32Array, holder: Holder): void {
  const blocks = readBegun(words);
  if (blocks === undefined) throw content(`begun blocks of ${holder.source.pod} are none`);
  for (const block of blocks) {
    holder.partial.set(block.hashes.at(-2) ?? 0, block.hashes.at(-1) ?? 0, block);
  }
}

const content = (what: string): KvSnapshotError =>
  new KvSnapshotError('KV_SNAPSHOT_CONTENT', `the snapshot contradicts itself: ${what}`);

const cutShort = (bytes: number): KvSnapshotError =>
  new KvSnapshotError('KV_SNAPSHOT_CUT_SHORT', `the snapshot ends too early, after ${bytes} bytes`);
