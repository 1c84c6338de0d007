// SPDX-License-Identifier: Apache-2.0
import type { LegacyTwin } from './legacy-twin.ts';

/** What a metric is, apart from its values: the source of docs, dashboards and the exposition. */
export interface MetricDefinition<L extends string = string> {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** Prometheus name with unit suffix, such as `llm_d_epp_request_duration_seconds`. */
  readonly name: string;
  /** One sentence; becomes the HELP line verbatim. */
  readonly help: string;
  /** Label names, in the order of the exposition. */
  readonly labels: readonly L[];
  /** Upper bounds of a histogram, ascending, without +Inf. */
  readonly buckets?: readonly number[];
  /** Deprecated names under which it is exposed as well. Default none. */
  readonly legacyTwins?: readonly LegacyTwin[];
}

/** A value for every label of a metric. */
export type Labels<L extends string> = Readonly<Record<L, string>>;

/** A definition that remembers its kind in its type, so that it can only be used as such. */
export interface CounterDefinition<L extends string = never> extends MetricDefinition<L> {
  readonly kind: 'counter';
}
export interface GaugeDefinition<L extends string = never> extends MetricDefinition<L> {
  readonly kind: 'gauge';
}
export interface HistogramDefinition<L extends string = never> extends MetricDefinition<L> {
  readonly kind: 'histogram';
  readonly buckets: readonly number[];
}

/** Declares a counter; its name ends in `_total`. */
export function defineCounter<const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): CounterDefinition<L> {
  return { kind: 'counter', name, help, labels };
}

/** Declares a gauge. */
export function defineGauge<const L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
): GaugeDefinition<L> {
  return { kind: 'gauge', name, help, labels };
}

/** Declares a histogram with ascending bucket bounds. */
export function defineHistogram<const L extends string = never>(
  name: string,
  help: string,
  buckets: readonly number[],
  labels: readonly L[] = [],
): HistogramDefinition<L> {
  return { kind: 'histogram', name, help, buckets, labels };
}

export interface Counter {
  /** Adds `amount` ≥ 0, 1 by default. */
  inc(amount?: number): void;
}
export interface Gauge {
  set(value: number): void;
  /** Adds `amount`, which may be negative. */
  add(amount: number): void;
}
export interface Histogram {
  observe(value: number): void;
}

/**
 * Where measurements go. Asking twice for the same definition and labels gives the same series;
 * keep the returned object on hot paths, it saves the label look-up.
 */
export interface Metrics {
  counter<L extends string>(definition: CounterDefinition<L>, labels: Labels<L>): Counter;
  gauge<L extends string>(definition: GaugeDefinition<L>, labels: Labels<L>): Gauge;
  histogram<L extends string>(definition: HistogramDefinition<L>, labels: Labels<L>): Histogram;
  /** Forgets one series, so that a gone endpoint leaves no stale value behind. */
  remove<L extends string>(definition: MetricDefinition<L>, labels: Labels<L>): void;
}

const ignore = (): void => undefined;
const noop = { inc: ignore, set: ignore, add: ignore, observe: ignore };

/** Keeps nothing; the default of every library. */
export const noopMetrics: Metrics = {
  counter: () => noop,
  gauge: () => noop,
  histogram: () => noop,
  remove: ignore,
};
