import { describe, expect, test } from 'vitest';
import type { KvMatches } from '../kv-block-index.ts';
import { RandomFleet, promptKeys } from '../redis/redis-rig.testing.ts';
import { createRequestKeyHasher } from '../request-key-hasher.ts';
import { BatchBuilder } from '../testing.ts';
import { createMemoryKvBlockIndex } from './memory-index.ts';

const source = (pod: string) => ({ pod, dpRank: 0, model: 'm', epoch: '1' });
const hasher = createRequestKeyHasher();
const LENGTH = 100;
/** A prompt of 100 blocks of one token, of which no other has one. */
const tokensOf = (prompt: number) => Array.from({ length: LENGTH }, (_, i) => prompt * LENGTH + i);
const keysOf = (prompt: number) =>
  hasher.keys(Uint32Array.from(tokensOf(prompt)), { model: 'm', blockSizeTokens: 1 });
const stored = (prompt: number, from = 0, to = LENGTH) => {
  const tokens = tokensOf(prompt).slice(from, to);
  const hashes = tokens.map((token) => BigInt(token + 1));
  const parent = from === 0 ? undefined : BigInt(prompt * LENGTH + from);
  return new BatchBuilder().stored({ hashes, tokens, parent }).build();
};
const blocksOn = ({ holders }: KvMatches, pod: string) =>
  holders.find((holder) => holder.pod === pod)?.blocks ?? 0;

describe('an index of bounded memory', () => {
  test('keeps what is looked up or stored again, and forgets the rest', () => {
    const maxBytes = 2 ** 20;
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 1, maxBytes });
    index.apply(stored(0), source('a'));
    index.apply(stored(1), source('a'));
    for (let prompt = 2; prompt < 2000; prompt++) {
      index.lookup(keysOf(0));
      if (prompt % 20 === 0) index.apply(stored(1), source('a'));
      const report = index.apply(stored(prompt), source(`pod-${prompt % 7}`));
      expect(report).toMatchObject({ storedBlocks: LENGTH, unplaced: [] });
    }
    expect(blocksOn(index.lookup(keysOf(0)), 'a')).toBe(LENGTH);
    expect(blocksOn(index.lookup(keysOf(1)), 'a')).toBe(LENGTH);
    expect(index.lookup(keysOf(2)).holders).toEqual([]);
    expect(blocksOn(index.lookup(keysOf(1999)), `pod-${1999 % 7}`)).toBe(LENGTH);
    const { bytes, copies, evicted } = index.stats();
    expect(bytes).toBeLessThan(maxBytes);
    // Three quarters of it are in use.
    expect(bytes).toBeGreaterThan(0.5 * maxBytes);
    expect(copies + evicted).toBe(2000 * LENGTH);
  });

  test('does not forget what a conversation goes on from', () => {
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 1, maxBytes: 2 ** 20 });
    for (let turn = 0; turn < 10; turn++) {
      index.lookup(keysOf(0).subarray(0, 20 * turn));
      const batch = stored(0, 10 * turn, 10 * (turn + 1));
      expect(index.apply(batch, source('a')).unplaced).toEqual([]);
      for (let other = 0; other < 60; other++) {
        index.apply(stored(1 + turn * 60 + other), source('b'));
      }
    }
    expect(index.stats().evicted).toBeGreaterThan(40_000);
  });

  test('gives memory of pods that fell quiet to others', () => {
    const maxBytes = 2 ** 20;
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 1, maxBytes });
    for (let prompt = 0; prompt < 500; prompt++) {
      index.apply(stored(prompt), source(`pod-${Math.floor(prompt / 100)}`));
    }
    expect(blocksOn(index.lookup(keysOf(499)), 'pod-4')).toBe(LENGTH);
    expect(index.stats().bytes).toBeLessThan(maxBytes);
  });

  test('sweeps cleared pods before it forgets others', () => {
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 1, maxBytes: 2 ** 20 });
    for (let prompt = 0; prompt < 100; prompt++) index.apply(stored(prompt), source('a'));
    index.clear('a');
    for (let prompt = 100; prompt < 200; prompt++) index.apply(stored(prompt), source('b'));
    expect(index.stats()).toMatchObject({ copies: 100 * LENGTH, unswept: 0, evicted: 0 });
  });

  test('refuses an event that does not fit at all', () => {
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 1, maxBytes: 90 * 75 });
    const { unplaced } = index.apply(stored(0), source('a'));
    expect(unplaced).toEqual([{ event: 0, reason: 'index_full', blocks: LENGTH }]);
    expect(index.stats()).toMatchObject({ copies: 0, evicted: 0 });
  });

  test.each([
    ['pods alone', false],
    ['storage for everyone', true],
  ])(
    'never finds more than an unbounded one, after any history of %s',
    { timeout: 60_000 },
    (_, everywhere) => {
      let missed = 0;
      for (let seed = 1; seed <= 30; seed++) {
        const bounded = createMemoryKvBlockIndex({ blockSizeTokens: 4, maxBytes: 60_000 });
        const unbounded = createMemoryKvBlockIndex({ blockSizeTokens: 4 });
        const fleets = [
          [bounded, new RandomFleet(seed, { everywhere })],
          [unbounded, new RandomFleet(seed, { everywhere })],
        ] as const;
        for (let step = 0; step < 60; step++) {
          for (const [index, fleet] of fleets) fleet.step(index);
          for (const keys of promptKeys) {
            const all = unbounded.lookup(keys);
            const found = bounded.lookup(keys);
            expect(found.everywhere.blocks).toBeLessThanOrEqual(all.everywhere.blocks);
            for (const { pod, blocks } of found.holders) {
              expect(blocks).toBeLessThanOrEqual(blocksOn(all, pod));
            }
            missed += all.holders.length - found.holders.length;
          }
        }
      }
      expect(missed).toBeGreaterThan(0);
    },
  );
});
