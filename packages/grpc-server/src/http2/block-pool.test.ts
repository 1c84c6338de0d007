import { expect, test } from 'vitest';
import { BlockPool, blockSize } from './block-pool.ts';

test('a block that was given back is taken again', () => {
  const pool = new BlockPool();
  const block = pool.take();
  expect(block).toHaveLength(blockSize);
  expect(pool.take()).not.toBe(block);
  pool.give(block);
  expect(pool.take()).toBe(block);
});

test('no more than 4 MiB are kept', () => {
  const pool = new BlockPool();
  const blocks = Array.from({ length: 70 }, () => pool.take());
  for (const block of blocks) pool.give(block);
  const again = Array.from({ length: 70 }, () => pool.take());
  expect(again.filter((block) => blocks.includes(block))).toHaveLength(64);
});
