import { expect, test } from 'vitest';
import { RecentKeys } from './recent-keys.ts';

test('beyond the bound the key unused for longest goes', () => {
  const keys = new RecentKeys(2);
  for (const key of ['a', 'b', 'a', 'c']) keys.touch(key);
  expect(['a', 'b', 'c'].map((key) => keys.has(key))).toEqual([true, false, true]);
  expect(keys.size).toBe(2);
});

test('asking is no use', () => {
  const keys = new RecentKeys(2);
  keys.touch('a');
  keys.touch('b');
  keys.has('a');
  keys.touch('c');
  expect(keys.has('a')).toBe(false);
});
