import { expect, test } from 'vitest';
import { HeaderChanges } from './header-changes.ts';

test('the last word on a header counts', () => {
  const headers = new HeaderChanges();
  expect([headers.added.size, headers.removed.size]).toEqual([0, 0]);
  headers.set('a', '1').set('b', '2').set('b', '3');
  expect(headers.delete('a')).toBe(true);
  expect(headers.delete('c')).toBe(false);
  headers.delete('d');
  headers.set('d', '4');
  expect([...headers.added]).toEqual([
    ['b', '3'],
    ['d', '4'],
  ]);
  expect([...headers.removed]).toEqual(['a', 'c']);
});
