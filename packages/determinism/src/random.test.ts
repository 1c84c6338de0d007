import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRandom, exponential, normal, randomBelow, shuffle } from './random.ts';

const draws = (
  seed: number,
  count: number,
  draw: (r: ReturnType<typeof createRandom>) => number,
) => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => draw(random));
};
const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('a seeded generator', () => {
  test('repeats itself for the same seed and differs for another', () => {
    const next = (r: ReturnType<typeof createRandom>) => r.next();
    expect(draws(7, 5, next)).toEqual(draws(7, 5, next));
    expect(draws(7, 5, next)).not.toEqual(draws(8, 5, next));
  });

  test('stays in range and is centred', () => {
    const values = draws(1, 20_000, (r) => r.next());
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(mean(values)).toBeCloseTo(0.5, 1);
  });
});

test('distributions have their means', () => {
  expect(mean(draws(2, 20_000, (r) => exponential(r, 4)))).toBeCloseTo(4, 0);
  expect(mean(draws(3, 20_000, (r) => normal(r, 10, 2)))).toBeCloseTo(10, 0);
});

test('whole numbers stay below their bound', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 1000 }), (seed, bound) => {
      const value = randomBelow(createRandom(seed), bound);
      return Number.isInteger(value) && value >= 0 && value < bound;
    }),
  );
});

test('shuffling keeps every item', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
      const shuffled = shuffle(createRandom(seed), [...items]);
      expect([...shuffled].sort((a, b) => a - b)).toEqual([...items].sort((a, b) => a - b));
    }),
  );
});
