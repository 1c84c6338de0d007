// SPDX-License-Identifier: Apache-2.0
import type { Counter, Gauge, Histogram } from '../metrics.ts';

/** Where a series lives. */
export interface SeriesHome<S> {
  /** Takes a series back that was removed and is written to again. */
  attach(series: S): void;
}

/** One value with its labels: a counter or a gauge. */
export class ScalarSeries implements Counter, Gauge {
  /** In the order of the definition's labels. */
  readonly labelValues: readonly string[];
  value = 0;
  isAttached = true;
  readonly #home: SeriesHome<ScalarSeries>;

  constructor(labelValues: readonly string[], home: SeriesHome<ScalarSeries>) {
    this.labelValues = labelValues;
    this.#home = home;
  }

  inc(amount = 1): void {
    if (!this.isAttached) this.#home.attach(this);
    this.value += amount;
  }

  add(amount: number): void {
    if (!this.isAttached) this.#home.attach(this);
    this.value += amount;
  }

  set(value: number): void {
    if (!this.isAttached) this.#home.attach(this);
    this.value = value;
  }

  reset(): void {
    this.value = 0;
  }
}

/** Counts of observations by bucket. */
export class HistogramSeries implements Histogram {
  readonly labelValues: readonly string[];
  /** Not cumulated; the last one is for what lies above every bound. */
  readonly counts: Float64Array;
  sum = 0;
  isAttached = true;
  readonly #bounds: readonly number[];
  readonly #home: SeriesHome<HistogramSeries>;

  constructor(
    labelValues: readonly string[],
    bounds: readonly number[],
    home: SeriesHome<HistogramSeries>,
  ) {
    this.labelValues = labelValues;
    this.counts = new Float64Array(bounds.length + 1);
    this.#bounds = bounds;
    this.#home = home;
  }

  observe(value: number): void {
    if (!this.isAttached) this.#home.attach(this);
    this.sum += value;
    const bucket = firstNotBelow(this.#bounds, value);
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
  }

  reset(): void {
    this.counts.fill(0);
    this.sum = 0;
  }
}

/** Index of the first bound that is at least `value`; the number of bounds where there is none, as for NaN. */
function firstNotBelow(bounds: readonly number[], value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bounds[middle] ?? Infinity) >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}
