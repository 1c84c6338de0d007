// SPDX-License-Identifier: Apache-2.0
import { build, type Histogram } from 'hdr-histogram-js';
import type { Distribution } from './distribution.ts';

/** Values are kept in whole microseconds. */
const UNITS_PER_MS = 1000;
const ONE_HOUR = 3_600_000 * UNITS_PER_MS;

/**
 * Any number of latencies in constant memory. Percentiles are exact to one microsecond or 0.1 %,
 * whichever is more; mean, smallest and greatest are exact.
 */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    highestTrackableValue: ONE_HOUR,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
  });
  #sum = 0;
  #sumOfSquares = 0;
  #min = Infinity;
  #max = -Infinity;

  /** Adds a latency. Negative ones count as 0, ones above an hour as an hour in the percentiles. */
  record(latencyMs: number): void {
    const value = Math.max(0, latencyMs);
    this.#histogram.recordValue(Math.min(ONE_HOUR, Math.round(value * UNITS_PER_MS)));
    this.#sum += value;
    this.#sumOfSquares += value * value;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** The distribution in milliseconds; undefined when nothing was recorded. */
  distribution(): Distribution | undefined {
    const { count } = this;
    if (count === 0) return undefined;
    const mean = this.#sum / count;
    return {
      count,
      mean,
      standardDeviation: Math.sqrt(Math.max(0, this.#sumOfSquares / count - mean * mean)),
      min: this.#min,
      p50: this.#percentile(50),
      p90: this.#percentile(90),
      p95: this.#percentile(95),
      p99: this.#percentile(99),
      max: this.#max,
    };
  }

  /** The histogram answers with the top of a value's bucket, which may lie above the greatest value. */
  #percentile(percent: number): number {
    const value = this.#histogram.getValueAtPercentile(percent) / UNITS_PER_MS;
    return Math.min(this.#max, Math.max(this.#min, value));
  }
}
