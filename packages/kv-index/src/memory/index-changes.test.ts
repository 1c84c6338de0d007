import { describe, expect, test } from 'vitest';
import { RandomFleet } from '../redis/redis-rig.testing.ts';
import { ByteWriter } from '../rows/byte-writer.ts';
import type { KvCopyChange, KvIndexSink } from '../rows/index-rows.ts';
import { readRow } from '../rows/row-codec.ts';
import { type MemoryKvBlockIndex, createMemoryKvBlockIndex } from './memory-index.ts';

/** A copy of an index that is built from its changes alone. */
class Copy implements KvIndexSink {
  /** Engine hashes by owner: what they stand for. */
  readonly copies = new Set<string>();
  readonly owners = new Set<string>();
  directories = 0;

  copyAdded(change: KvCopyChange): void {
    const text = textOf(change);
    if (this.copies.has(text)) throw new Error(`${text} was added twice`);
    this.copies.add(text);
    this.owners.add(ownerText(change));
  }

  copyRemoved(change: KvCopyChange): void {
    const text = textOf(change);
    if (!this.copies.delete(text)) throw new Error(`${text} was not there`);
    this.owners.delete(ownerText(change));
  }

  directoryChanged(): void {
    this.directories++;
  }
}

const textOf = (change: KvCopyChange): string =>
  [change.hashLow, change.hashHigh, change.ordinal, ownerText(change)].join();
const ownerText = ({ low, high, plane, life }: KvCopyChange): string =>
  [low, high, plane, life].join();

function ownersIn({ rows }: MemoryKvBlockIndex): Set<string> {
  const owners = new Set<string>();
  let count = 0;
  for (let part = 0; part < rows.parts; part++) {
    const keys = rows.keysOf(part);
    for (let at = 0; at < keys.length; at += 2) {
      const [low = 0, high = 0] = keys.subarray(at, at + 2);
      const row = new ByteWriter(1);
      rows.write(low, high, row);
      const isRow = readRow(row.bytes.subarray(0, row.length), (plane, life) => {
        owners.add([low, high, plane, life].join());
      });
      if (!isRow) throw new Error('the bytes are no row');
      count++;
    }
  }
  expect(rows.count).toBe(count);
  return owners;
}

describe('the changes of an index', () => {
  test.each([
    ['pods alone', { everywhere: false }],
    ['storage for everyone', { everywhere: true }],
    ['bounded memory', { everywhere: true, maxBytes: 60_000 }],
  ])('add up to its rows, after any history of %s', { timeout: 60_000 }, (_, options) => {
    for (let seed = 1; seed <= 12; seed++) {
      const copy = new Copy();
      const index = createMemoryKvBlockIndex({ blockSizeTokens: 4, onChange: copy, ...options });
      const fleet = new RandomFleet(seed, options);
      for (let step = 0; step < 40; step++) {
        const before = JSON.stringify(index.rows.directory());
        const { directories } = copy;
        fleet.step(index);
        const owners = ownersIn(index);
        expect(owners.size).toBe(copy.owners.size);
        expect([...owners].every((owner) => copy.owners.has(owner))).toBe(true);
        const isSame = JSON.stringify(index.rows.directory()) === before;
        if (!isSame) expect(copy.directories).toBeGreaterThan(directories);
      }
      for (let pod = 0; pod < 7; pod++) index.remove(`pod-${pod}`);
      index.sweep(Infinity);
      expect(copy.copies).toEqual(new Set());
      expect(index.rows.count).toBe(0);
      expect(index.rows.directory().holders).toEqual([]);
    }
  });

  test('a life is never given out again', () => {
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 4 });
    const seen = new Map<number, string>();
    const fleet = new RandomFleet(3);
    for (let step = 0; step < 300; step++) {
      fleet.step(index);
      for (const { life, source } of index.rows.directory().holders) {
        const text = JSON.stringify(source);
        expect(seen.get(life) ?? text).toBe(text);
        seen.set(life, text);
      }
    }
    expect(seen.size).toBeGreaterThan(20);
  });
});
