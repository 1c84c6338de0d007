// SPDX-License-Identifier: Apache-2.0
import { createRandom, randomBelow } from '@llm-d/determinism';

/** What is kept of many measurements. Percentiles are nearest-rank: the smallest value that so many are not above. */
export interface Distribution {
  readonly count: number;
  readonly mean: number;
  /** Of the whole population, not of a sample. */
  readonly standardDeviation: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** The arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A range that holds the mean with some confidence. */
export interface ConfidenceInterval {
  readonly low: number;
  readonly high: number;
}

/** How a confidence interval is found. */
export interface BootstrapOptions {
  readonly seed: number;
  /** Share of resampled means within the interval. Default 0.95. */
  readonly confidence?: number;
  /** Times the values are drawn anew. Default 1000. */
  readonly resamples?: number;
}

/**
 * The percentile bootstrap interval of the mean: values are drawn with replacement again and again, and the middle
 * `confidence` of the means is the interval. Undefined for fewer than 2 values. Takes the values for independent, which
 * requests of one run are not quite: differences between runs can be greater than it says.
 */
export function bootstrapMeanInterval(
  values: readonly number[],
  options: BootstrapOptions,
): ConfidenceInterval | undefined {
  const { seed, confidence = 0.95, resamples = 1000 } = options;
  if (values.length < 2) return undefined;
  const random = createRandom(seed);
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[randomBelow(random, values.length)] ?? 0;
    return sum / values.length;
  }).sort();
  const tail = (1 - confidence) / 2;
  const at = (share: number): number =>
    means[Math.min(resamples - 1, Math.floor(share * resamples))] ?? NaN;
  return { low: at(tail), high: at(1 - tail) };
}

/** The distribution of values held in memory, exact; undefined of nothing. */
export function distributionOf(values: readonly number[]): Distribution | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const count = sorted.length;
  const percentile = (percent: number): number =>
    sorted[Math.max(0, Math.ceil((percent / 100) * count) - 1)] ?? NaN;
  const average = mean(values);
  const variance = mean(values.map((value) => (value - average) ** 2));
  return {
    count,
    mean: average,
    standardDeviation: Math.sqrt(variance),
    min: percentile(0),
    p50: percentile(50),
    p90: percentile(90),
    p95: percentile(95),
    p99: percentile(99),
    max: percentile(100),
  };
}
