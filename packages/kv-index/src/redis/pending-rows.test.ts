import { expect, test } from 'vitest';
import type { KvIndexRows } from '../rows/index-rows.ts';
import { PendingRows } from './pending-rows.ts';

const lows = (keys: Uint32Array) => [...keys].filter((_, i) => i % 2 === 0);
const rowsOf = (...parts: number[][]): KvIndexRows => ({
  count: parts.flat().length,
  parts: parts.length,
  keysOf: (part) => Uint32Array.from(parts[part]?.flatMap((low) => [low, 0]) ?? []),
  directory: () => ({ blockSizeTokens: 4, holders: [], tiers: [], planes: [] }),
  write: () => undefined,
});

test('changes come first, in their order, then everything part by part', () => {
  const pending = new PendingRows(100);
  pending.rewrite(rowsOf([1, 2, 3], [], [4]));
  pending.note(7, 0);
  pending.note(8, 0);
  expect(lows(pending.take(1))).toEqual([7]);
  expect(pending.taken).toBe(1);
  expect(lows(pending.take(10))).toEqual([8]);
  expect(lows(pending.take(2))).toEqual([1, 2]);
  pending.note(9, 0);
  expect(lows(pending.take(2))).toEqual([9]);
  expect(lows(pending.take(2))).toEqual([3]);
  expect(pending.isRewritten).toBe(false);
  expect(lows(pending.take(2))).toEqual([4]);
  expect(pending.isEmpty).toBe(true);
  expect(lows(pending.take(2))).toEqual([]);
});

test('what failed comes again', () => {
  const pending = new PendingRows(5000);
  for (let i = 0; i < 3000; i++) pending.note(i, 0);
  const first = pending.take(2000);
  for (let i = 3000; i < 5000; i++) pending.note(i, 0);
  pending.restore(first);
  const all: number[] = [];
  while (!pending.isEmpty) all.push(...lows(pending.take(700)));
  expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
});

test('what does not fit is refused', () => {
  const pending = new PendingRows(2);
  expect([pending.note(1, 0), pending.note(2, 0), pending.note(3, 0)]).toEqual([true, true, false]);
  pending.take(1);
  expect(pending.note(3, 0)).toBe(true);
});
