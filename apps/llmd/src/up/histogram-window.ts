// SPDX-License-Identifier: Apache-2.0

/** Cumulative counts of a Prometheus histogram by upper bound, `Infinity` included. */
export type Buckets = ReadonlyMap<number, number>;

/**
 * The value below which the share `quantile` of the observations between two readings lies, interpolated
 * within its bucket as Prometheus' `histogram_quantile` does. Undefined where nothing was observed in between.
 */
export function quantileBetween(
  earlier: Buckets | undefined,
  later: Buckets,
  quantile: number,
): number | undefined {
  const counts = [...later]
    .map(([bound, count]) => ({ bound, count: Math.max(0, count - (earlier?.get(bound) ?? 0)) }))
    .sort((a, b) => a.bound - b.bound);
  const total = counts.at(-1)?.count ?? 0;
  if (total === 0) return undefined;
  const rank = quantile * total;
  let lowerBound = 0;
  let lowerCount = 0;
  for (const { bound, count } of counts) {
    if (count >= rank) {
      // What lies beyond the last finite bound is not known to be any further.
      if (bound === Infinity) return lowerBound;
      const share = count === lowerCount ? 1 : (rank - lowerCount) / (count - lowerCount);
      return lowerBound + (bound - lowerBound) * share;
    }
    lowerBound = bound;
    lowerCount = count;
  }
  return lowerBound;
}

/** Adds up histograms bound by bound. */
export function addBuckets(all: Iterable<Buckets>): Buckets {
  const sum = new Map<number, number>();
  for (const buckets of all) {
    for (const [bound, count] of buckets) sum.set(bound, (sum.get(bound) ?? 0) + count);
  }
  return sum;
}
