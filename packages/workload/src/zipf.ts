// SPDX-License-Identifier: Apache-2.0
import type { Random } from '@llm-d/determinism';

/** A Zipf distribution and its dice. */
export interface ZipfOptions {
  /** Item k, counted from 1, has a weight of 1/k^exponent; 0 is uniform. */
  readonly exponent: number;
  readonly random: Random;
}

/** Draws from 0 (most popular) to `count - 1` by Zipf's law. `count` must be at least 1. */
export function createZipf(count: number, options: ZipfOptions): () => number {
  if (!(Number.isInteger(count) && count >= 1)) {
    throw new RangeError(`a Zipf distribution needs at least 1 item, not ${count}`);
  }
  const cumulative = new Float64Array(count);
  let total = 0;
  for (let k = 0; k < count; k++) {
    total += (k + 1) ** -options.exponent;
    cumulative[k] = total;
  }
  return () => {
    const target = options.random.next() * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) > target) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
