// SPDX-License-Identifier: Apache-2.0
import { Registry, collectDefaultMetrics } from 'prom-client';
import { expositionContentType, expositionText } from './exposition/exposition-text.ts';
import { createLabelBounds, type LabelLimit } from './exposition/label-limits.ts';
import { createFamily, type MetricFamily } from './exposition/metric-family.ts';
import { groupOf, twinGroupOf, type SampleGroup } from './exposition/sample-groups.ts';
import { HistogramSeries, ScalarSeries } from './exposition/series.ts';
import type { MetricDefinition, Metrics } from './metrics.ts';

/** Metrics that can be scraped. */
export interface PrometheusMetrics extends Metrics {
  /** The `content-type` of {@link expose}'s text. */
  readonly contentType: string;
  /** All series in Prometheus' text format. */
  expose(): Promise<string>;
}

export interface PrometheusMetricsOptions {
  /** Adds the process' own series (CPU, memory, event loop). Default false. */
  readonly processMetrics?: boolean;
  /** Declared at once, so that a scrape shows their HELP and TYPE before the first value. */
  readonly definitions?: readonly MetricDefinition[];
  /** Exposes metrics under their former names as well. Default true. */
  readonly legacyNames?: boolean;
  /** How many distinct values labels may have, over all metrics; what comes later is shown as `other`. Default any number. */
  readonly labelLimits?: readonly LabelLimit[];
}

/**
 * Keeps metrics in memory. An observation costs an addition, whatever labels it has; former names cost nothing until
 * somebody scrapes. Two definitions of one name that differ in kind or labels are a programming error and throw.
 */
export function createPrometheusMetrics(options: PrometheusMetricsOptions = {}): PrometheusMetrics {
  const { legacyNames = true, labelLimits = [] } = options;
  const bound = createLabelBounds(labelLimits);
  const families = new Map<string, MetricFamily>();
  const groups: SampleGroup[] = [];
  const processRegistry = options.processMetrics === true ? processMetrics() : undefined;

  const declare = (definition: MetricDefinition): MetricFamily => {
    const family = createFamily(definition);
    families.set(definition.name, family);
    const twins = legacyNames ? (definition.legacyTwins ?? []) : [];
    for (const group of [groupOf(family), ...twins.map((twin) => twinGroupOf(family, twin))]) {
      if (groups.some(({ name }) => name === group.name))
        throw new DuplicateMetricError(group.name);
      groups.push(group);
    }
    groups.sort((a, b) => (a.name < b.name ? -1 : 1));
    return family;
  };

  const find = (definition: MetricDefinition): MetricFamily => {
    const known = families.get(definition.name);
    if (known === undefined) return declare(definition);
    if (agree(known.definition, definition)) return known;
    throw new DuplicateMetricError(definition.name);
  };

  const valuesOf = (
    { labels }: MetricDefinition,
    values: Readonly<Record<string, string>>,
  ): readonly string[] => labels.map((label) => bound(label, values[label] ?? ''));

  const scalar = (
    definition: MetricDefinition,
    labels: Readonly<Record<string, string>>,
  ): ScalarSeries => {
    const series = find(definition).at(valuesOf(definition, labels));
    if (series instanceof ScalarSeries) return series;
    throw new TypeError(`${definition.name} is a histogram`);
  };

  for (const definition of options.definitions ?? []) find(definition);

  return {
    contentType: expositionContentType,
    expose: async () => expositionText(groups) + ((await processRegistry?.metrics()) ?? ''),
    counter: scalar,
    gauge: scalar,
    histogram: (definition, labels) => {
      const series = find(definition).at(valuesOf(definition, labels));
      if (series instanceof HistogramSeries) return series;
      throw new TypeError(`${definition.name} is no histogram`);
    },
    remove: (definition, labels) => {
      find(definition).remove(valuesOf(definition, labels));
    },
  };
}

/** Two metrics that differ want one name. */
export class DuplicateMetricError extends TypeError {
  readonly code = 'DUPLICATE_METRIC';
  readonly metric: string;

  constructor(metric: string) {
    super(`metric ${metric} is defined twice, and differently`);
    this.name = 'DuplicateMetricError';
    this.metric = metric;
  }
}

function processMetrics(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

function agree(a: MetricDefinition, b: MetricDefinition): boolean {
  return (
    a === b ||
    (a.kind === b.kind &&
      a.labels.length === b.labels.length &&
      a.labels.every((label, i) => label === b.labels[i]))
  );
}
