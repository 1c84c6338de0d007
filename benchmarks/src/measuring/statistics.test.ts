import { describe, expect, test } from 'vitest';
import { median, quantile } from './statistics.ts';

describe('a quantile', () => {
  test.each([
    [[3, 1, 2], 0, 1],
    [[3, 1, 2], 1, 3],
    [[3, 1, 2], 0.5, 2],
    [[10, 20], 0.25, 12.5],
    [[7], 0.99, 7],
  ])('of %j at %d is %d', (values, q, expected) => {
    expect(quantile(values, q)).toBe(expected);
  });

  test('sorts numbers by value and leaves its input alone', () => {
    const values = [100, 9, 20];
    expect(quantile(values, 0.5)).toBe(20);
    expect(values).toEqual([100, 9, 20]);
  });

  test('of nothing is NaN', () => {
    expect(quantile([], 0.5)).toBeNaN();
  });
});

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});
