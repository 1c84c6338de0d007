// SPDX-License-Identifier: Apache-2.0
import { exponential, type Random } from '@llm-d/determinism';

/** Endless instants in milliseconds since the start of the run, never going back. */
export type Arrivals = Iterable<number>;

const gapMs = (ratePerSecond: number): number => {
  if (!(ratePerSecond > 0)) throw new RangeError(`rate must be above 0, not ${ratePerSecond}`);
  return 1000 / ratePerSecond;
};

/** One arrival every `1 / ratePerSecond` seconds, the first at 0. */
export function constantArrivals(ratePerSecond: number): Arrivals {
  const gap = gapMs(ratePerSecond);
  return (function* () {
    for (let i = 0; ; i++) yield i * gap;
  })();
}

/** A Poisson process: independent, exponentially distributed gaps with this mean rate. */
export function poissonArrivals(ratePerSecond: number, random: Random): Arrivals {
  const gap = gapMs(ratePerSecond);
  return (function* () {
    for (let atMs = exponential(random, gap); ; atMs += exponential(random, gap)) yield atMs;
  })();
}

/** How requests of a synthetic workload arrive. */
export interface ArrivalOptions {
  /** Mean requests per second; above 0. */
  readonly ratePerSecond: number;
  /** `poisson` (default) draws exponential gaps, `constant` spaces requests evenly. */
  readonly arrival?: 'poisson' | 'constant';
  /** Length of the run: no request is intended at or after it. */
  readonly durationMs: number;
}

/** Arrivals before the end of the run. */
export function* arrivalsUntilEnd(options: ArrivalOptions, random: Random): Generator<number> {
  const { ratePerSecond, arrival = 'poisson', durationMs } = options;
  const arrivals =
    arrival === 'poisson'
      ? poissonArrivals(ratePerSecond, random)
      : constantArrivals(ratePerSecond);
  for (const atMs of arrivals) {
    if (atMs >= durationMs) return;
    yield atMs;
  }
}
