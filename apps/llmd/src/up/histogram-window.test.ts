import { describe, expect, test } from 'vitest';
import { addBuckets, quantileBetween } from './histogram-window.ts';

const buckets = (...counts: [number, number][]) => new Map(counts);

describe('a quantile between two readings', () => {
  test('is interpolated within its bucket', () => {
    const later = buckets([1, 10], [2, 20], [Infinity, 20]);
    expect(quantileBetween(undefined, later, 0.5)).toBe(1);
    expect(quantileBetween(undefined, later, 0.75)).toBe(1.5);
  });

  test('looks only at what came in between', () => {
    const earlier = buckets([1, 100], [2, 100], [Infinity, 100]);
    const later = buckets([1, 100], [2, 110], [Infinity, 110]);
    expect(quantileBetween(earlier, later, 0.5)).toBe(1.5);
    expect(quantileBetween(later, later, 0.5)).toBeUndefined();
  });

  test('beyond the last bound is not known', () => {
    expect(quantileBetween(undefined, buckets([1, 0], [Infinity, 5]), 0.99)).toBe(1);
  });
});

test('histograms of several servers add up', () => {
  expect(addBuckets([buckets([1, 2], [Infinity, 3]), buckets([1, 5], [Infinity, 5])])).toEqual(
    buckets([1, 7], [Infinity, 8]),
  );
});
