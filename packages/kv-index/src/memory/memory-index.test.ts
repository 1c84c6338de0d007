import { expect, test } from 'vitest';
import { BatchBuilder } from '../testing/batch-builder.ts';
import { describeKvBlockIndex } from '../testing/kv-block-index-conformance.ts';
import { createRequestKeyHasher } from '../request-key-hasher.ts';
import { createMemoryKvBlockIndex } from './memory-index.ts';

describeKvBlockIndex('the index in memory', () =>
  Promise.resolve(createMemoryKvBlockIndex({ blockSizeTokens: 4 })),
);

const source = (pod: string) => ({ pod, dpRank: 0, model: 'm', epoch: '1' });
const many = (blocks: number) => {
  const tokens = Array.from({ length: blocks }, (_, i) => i);
  const hashes = tokens.map((i) => BigInt(i + 1));
  return new BatchBuilder().stored({ hashes, tokens }).build();
};
const keys = (blocks: number) =>
  createRequestKeyHasher().keys(
    Uint32Array.from({ length: blocks }, (_, i) => i),
    { model: 'm', blockSizeTokens: 1 },
  );

test('a cleared pod is swept in slices of the given size, and its slot serves again', () => {
  const due: (() => void)[] = [];
  const index = createMemoryKvBlockIndex({
    blockSizeTokens: 1,
    sliceBlocks: 100,
    defer: (slice) => due.push(slice),
  });
  index.apply(many(1000), source('a'));
  index.apply(many(1000), source('b'));
  index.clear('a');
  expect(index.lookup(keys(1000)).holders).toMatchObject([{ pod: 'b', blocks: 1000 }]);
  expect(index.stats()).toMatchObject({ copies: 1000, unswept: 1000 });
  let before = 1000;
  let slices = 0;
  for (let slice = due.shift(); slice !== undefined; slice = due.shift()) {
    expect(due).toHaveLength(0);
    slice();
    slices++;
    const { unswept } = index.stats();
    expect(before - unswept).toBeLessThanOrEqual(100);
    before = unswept;
  }
  expect(slices).toBeGreaterThanOrEqual(10);
  expect(index.stats()).toMatchObject({ blocks: 1000, copies: 1000, unswept: 0 });
  index.remove('b');
  for (let slice = due.shift(); slice !== undefined; slice = due.shift()) slice();
  expect(index.stats()).toMatchObject({ blocks: 0, copies: 0, unswept: 0 });
  index.apply(many(10), source('c'));
  expect(index.lookup(keys(10)).holders).toMatchObject([{ pod: 'c', blocks: 10 }]);
});

test('without a scheduler the owner sweeps', () => {
  const index = createMemoryKvBlockIndex({ blockSizeTokens: 1 });
  index.apply(many(1000), source('a'));
  index.clear('a');
  expect(index.stats()).toMatchObject({ blocks: 1000, unswept: 1000 });
  expect(index.sweep(100)).toBeGreaterThan(800);
  expect(index.sweep(10_000)).toBe(0);
  expect(index.stats()).toMatchObject({ blocks: 0, unswept: 0 });
});

test('a full index refuses, says so, and takes blocks again when there is room', () => {
  const index = createMemoryKvBlockIndex({ blockSizeTokens: 1, maxCopies: 10 });
  index.apply(many(10), source('a'));
  expect(index.apply(many(1), source('b')).unplaced).toEqual([
    { event: 0, reason: 'index_full', blocks: 1 },
  ]);
  index.remove('a');
  index.sweep(1000);
  expect(index.apply(many(1), source('b')).unplaced).toEqual([]);
});

test('a block size that is none is refused', () => {
  expect(() => createMemoryKvBlockIndex({ blockSizeTokens: 0 })).toThrow('blockSizeTokens');
});
