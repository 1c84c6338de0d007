// SPDX-License-Identifier: Apache-2.0
import type { MetricDefinition } from '../metrics.ts';
import { HistogramSeries, ScalarSeries } from './series.ts';

/** All series of one definition. */
export type MetricFamily = Family<ScalarSeries> | Family<HistogramSeries>;

interface AnySeries {
  readonly labelValues: readonly string[];
  isAttached: boolean;
  reset(): void;
}

/** The series of one definition, by the values of their labels. */
export class Family<S extends AnySeries> {
  readonly definition: MetricDefinition;
  readonly #series = new Map<string, S>();
  readonly #create: (labelValues: readonly string[], home: Family<S>) => S;

  constructor(
    definition: MetricDefinition,
    create: (labelValues: readonly string[], home: Family<S>) => S,
  ) {
    this.definition = definition;
    this.#create = create;
    // What has no labels has one series from the start, as in every Prometheus client.
    if (definition.labels.length === 0) this.at([]);
  }

  /** The series of these values, which are in the order of the definition's labels. */
  at(labelValues: readonly string[]): S {
    const key = keyOf(labelValues);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#create(labelValues, this);
      this.#series.set(key, series);
    }
    return series;
  }

  attach(series: S): void {
    const key = keyOf(series.labelValues);
    // A successor may have been made meanwhile; then there is no way back.
    if (this.#series.has(key)) return;
    series.isAttached = true;
    this.#series.set(key, series);
  }

  remove(labelValues: readonly string[]): void {
    const key = keyOf(labelValues);
    const series = this.#series.get(key);
    if (series === undefined) return;
    series.isAttached = false;
    series.reset();
    this.#series.delete(key);
  }

  all(): Iterable<S> {
    return this.#series.values();
  }
}

// A separator that no label value contains in practice; one that did would only share a series.
const keyOf = (labelValues: readonly string[]): string => labelValues.join('\u0000');

/** An empty family for a definition. */
export function createFamily(definition: MetricDefinition): MetricFamily {
  if (definition.kind !== 'histogram') {
    return new Family<ScalarSeries>(definition, (values, home) => new ScalarSeries(values, home));
  }
  const bounds = definition.buckets ?? [];
  return new Family<HistogramSeries>(
    definition,
    (values, home) => new HistogramSeries(values, bounds, home),
  );
}
