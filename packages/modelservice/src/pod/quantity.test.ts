import { expect, test } from 'vitest';
import { bytesOf } from './quantity.ts';

test.each([
  [1, 1],
  ['100Gi', 107_374_182_400],
  ['1.5k', 1500],
  ['2e3', 2000],
  ['1500m', 2],
  ['big', 0],
])('%s is %d bytes', (quantity, bytes) => {
  expect(bytesOf(quantity)).toBe(bytes);
});
