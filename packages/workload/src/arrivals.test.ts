import { createRandom } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { arrivalsUntilEnd, constantArrivals, poissonArrivals } from './arrivals.ts';

const take = (arrivals: Iterable<number>, count: number): number[] => {
  const taken: number[] = [];
  for (const atMs of arrivals) {
    taken.push(atMs);
    if (taken.length === count) break;
  }
  return taken;
};
const gaps = (instants: number[]) => instants.slice(1).map((atMs, i) => atMs - (instants[i] ?? 0));

describe('arrivals', () => {
  test('of a constant rate are evenly spaced from 0', () => {
    expect(take(constantArrivals(4), 4)).toEqual([0, 250, 500, 750]);
  });

  test('of a Poisson process have the rate as mean and a deviation like their mean', () => {
    const found = gaps(take(poissonArrivals(20, createRandom(5)), 20_000));
    const mean = found.reduce((a, b) => a + b, 0) / found.length;
    const deviation = Math.sqrt(found.reduce((a, b) => a + (b - mean) ** 2, 0) / found.length);
    expect(mean).toBeGreaterThan(49);
    expect(mean).toBeLessThan(51);
    expect(deviation / mean).toBeGreaterThan(0.97);
    expect(deviation / mean).toBeLessThan(1.03);
  });

  test('repeat themselves for the same seed and end before the end', () => {
    const options = { ratePerSecond: 10, durationMs: 5000 };
    const draw = (seed: number) => [...arrivalsUntilEnd(options, createRandom(seed))];
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(Math.max(...draw(1))).toBeLessThan(5000);
    expect([
      ...arrivalsUntilEnd({ ...options, arrival: 'constant', durationMs: 250 }, createRandom(1)),
    ]).toEqual([0, 100, 200]);
  });

  test('need a rate', () => {
    expect(() => constantArrivals(0)).toThrow(RangeError);
  });
});
