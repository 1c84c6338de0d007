import { createRandom, normal } from '@llm-d/determinism';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootstrapMeanInterval, distributionOf } from './distribution.ts';
import { LatencyHistogram } from './latency-histogram.ts';

const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), {
  minLength: 1,
  maxLength: 300,
});
/** The smallest value that at least so many percent of the values are not above. */
const naivePercentile = (of: number[], percent: number): number => {
  const candidates = of.filter(
    (value) => of.filter((other) => other <= value).length >= (percent / 100) * of.length,
  );
  return Math.min(...candidates);
};
const naiveMean = (of: number[]) => of.reduce((a, b) => a + b, 0) / of.length;

describe('a distribution', () => {
  test('agrees with the plain definition of its figures', () => {
    fc.assert(
      fc.property(values, (of) => {
        const found = distributionOf(of);
        expect(found?.count).toBe(of.length);
        expect(found?.mean).toBeCloseTo(naiveMean(of), 6);
        expect([found?.min, found?.max]).toEqual([Math.min(...of), Math.max(...of)]);
        for (const percent of [50, 90, 95, 99] as const) {
          expect(found?.[`p${percent}`]).toBe(naivePercentile(of, percent));
        }
      }),
    );
  });

  test('of nothing there is none', () => {
    expect(distributionOf([])).toBeUndefined();
    expect(new LatencyHistogram().distribution()).toBeUndefined();
  });

  test('of known values has the deviation of the population', () => {
    expect(distributionOf([2, 4, 4, 4, 5, 5, 7, 9])?.standardDeviation).toBe(2);
  });
});

test('a histogram agrees with the exact distribution to a microsecond or a thousandth', () => {
  fc.assert(
    fc.property(values, (of) => {
      const histogram = new LatencyHistogram();
      for (const value of of) histogram.record(value);
      const found = histogram.distribution();
      const exact = distributionOf(of);
      for (const figure of ['mean', 'min', 'p50', 'p90', 'p95', 'p99', 'max'] as const) {
        const expected = exact?.[figure] ?? NaN;
        const tolerance = Math.max(0.001, expected * 0.001) + 1e-9;
        expect(Math.abs((found?.[figure] ?? NaN) - expected)).toBeLessThanOrEqual(tolerance);
      }
    }),
  );
});

describe('the bootstrap interval of a mean', () => {
  test('is the same for the same seed, holds the mean and narrows with more values', () => {
    const draw = (count: number) => {
      const random = createRandom(4);
      return Array.from({ length: count }, () => normal(random, 100, 20));
    };
    const few = bootstrapMeanInterval(draw(50), { seed: 1 });
    const many = bootstrapMeanInterval(draw(2000), { seed: 1 });
    expect(bootstrapMeanInterval(draw(50), { seed: 1 })).toEqual(few);
    if (!few || !many) throw new Error('intervals must be there');
    expect(few.low).toBeLessThan(naiveMean(draw(50)));
    expect(few.high).toBeGreaterThan(naiveMean(draw(50)));
    // Of 2000 values, 1.96 standard errors are 0.88 either way.
    expect((many.high - many.low) / 2).toBeGreaterThan(0.75);
    expect((many.high - many.low) / 2).toBeLessThan(1.0);
    expect(many.high - many.low).toBeLessThan(few.high - few.low);
  });

  test('needs two values', () => {
    expect(bootstrapMeanInterval([1], { seed: 1 })).toBeUndefined();
  });
});
