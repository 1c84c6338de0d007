// SPDX-License-Identifier: Apache-2.0

/** Chance as a dependency: a source of uniform numbers in [0, 1). */
export interface Random {
  next(): number;
}

/** The runtime's own generator: not seeded, not for secrets. */
export const systemRandom: Random = { next: () => Math.random() };

/**
 * A generator that gives the same numbers for the same seed on every machine.
 * sfc32 of PractRand with its state filled by splitmix32, 32 bits a draw.
 */
export function createRandom(seed: number): Random {
  let mix = seed >>> 0;
  const fill = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = fill();
  let b = fill();
  let c = fill();
  let counter = 1;
  return {
    next: () => {
      const sum = (((a + b) >>> 0) + counter) >>> 0;
      counter = (counter + 1) >>> 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) >>> 0;
      c = ((((c << 21) | (c >>> 11)) >>> 0) + sum) >>> 0;
      return sum / 2 ** 32;
    },
  };
}

/** A whole number in [0, `bound`). `bound` must be at least 1. */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

/** A draw from the exponential distribution with this mean: gaps of a Poisson process. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random.next());
}

/** A draw from the normal distribution (Box–Muller). */
export function normal(random: Random, mean: number, standardDeviation: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return mean + standardDeviation * radius * Math.cos(2 * Math.PI * random.next());
}

/** Shuffles `items` in place (Fisher–Yates) and returns it. */
export function shuffle<T>(random: Random, items: T[]): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = randomBelow(random, last + 1);
    const item = items[last] as T;
    items[last] = items[other] as T;
    items[other] = item;
  }
  return items;
}
