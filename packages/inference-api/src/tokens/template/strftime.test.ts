import { expect, test } from 'vitest';
import { strftime } from './strftime.ts';

const afternoon = Date.UTC(2024, 6, 6, 15, 4, 9);

// What CPython 3.11 prints in the C locale.
test.each([
  ['%d %b %Y', '06 Jul 2024'],
  ['%Y-%m-%d', '2024-07-06'],
  ['%A, %B %-d, %y', 'Saturday, July 6, 24'],
  ['%a %e %H:%M:%S %I %p %-m %%', 'Sat  6 15:04:09 03 PM 7 %'],
])('%s', (format, expected) => {
  expect(strftime(afternoon, format)).toBe(expected);
});

test('midnight and noon are twelve', () => {
  expect(strftime(0, '%I %p')).toBe('12 AM');
  expect(strftime(12 * 3_600_000, '%I %p')).toBe('12 PM');
});

test('a directive that is not known is refused', () => {
  expect(() => strftime(0, '%Q')).toThrow('%Q');
});
