import { expect, test } from 'vitest';
import { parseQuantity, quantity } from './quantity.ts';

test.each<[string | number, number | undefined]>([
  ['1G', 1e9],
  ['512Mi', 536_870_912],
  ['5k', 5000],
  ['1E', 1e18],
  ['1e3', 1000],
  ['1E-1', 0.1],
  ['1.5Gi', 1_610_612_736],
  ['250m', 0.25],
  ['.5', 0.5],
  ['-3', -3],
  [5000, 5000],
  ['1K', undefined],
  ['1 GB', undefined],
  ['1GB', undefined],
  ['G', undefined],
  ['', undefined],
])('the quantity %j is %s', (text, expected) => {
  expect(parseQuantity(text)).toBe(expected);
});

test('a field takes no negative quantity', () => {
  expect(quantity.safeParse('-1').error?.issues[0]?.message).toMatch(/expected a quantity/);
  expect(quantity.safeParse([]).error?.issues[0]?.message).toMatch(/expected a quantity/);
});
