// SPDX-License-Identifier: Apache-2.0
import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
  collectDefaultMetrics,
} from 'prom-client';
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
}

type PromMetric = PromCounter | PromGauge | PromHistogram;

/**
 * Keeps metrics in a prom-client registry of their own.
 * Two definitions of one name that differ in kind or labels are a programming error and throw.
 */
export function createPrometheusMetrics(options: PrometheusMetricsOptions = {}): PrometheusMetrics {
  const registry = new Registry();
  if (options.processMetrics === true) collectDefaultMetrics({ register: registry });
  const metrics = new Map<string, { definition: MetricDefinition; metric: PromMetric }>();

  const find = (definition: MetricDefinition): PromMetric => {
    const known = metrics.get(definition.name);
    if (known !== undefined) {
      if (!agree(known.definition, definition)) {
        throw new TypeError(`metric ${definition.name} is defined twice, and differently`);
      }
      return known.metric;
    }
    const metric = create(definition, registry);
    metrics.set(definition.name, { definition, metric });
    return metric;
  };

  for (const definition of options.definitions ?? []) find(definition);

  return {
    contentType: registry.contentType,
    expose: () => registry.metrics(),
    counter: (definition, labels) => {
      const series = (find(definition) as PromCounter).labels(labels);
      return {
        inc: (amount = 1) => {
          series.inc(amount);
        },
      };
    },
    gauge: (definition, labels) => {
      const series = (find(definition) as PromGauge).labels(labels);
      return {
        set: (value) => {
          series.set(value);
        },
        add: (amount) => {
          series.inc(amount);
        },
      };
    },
    histogram: (definition, labels) => {
      const series = (find(definition) as PromHistogram).labels(labels);
      return {
        observe: (value) => {
          series.observe(value);
        },
      };
    },
    remove: (definition, labels) => {
      find(definition).remove(labels);
    },
  };
}

function create(definition: MetricDefinition, registry: Registry): PromMetric {
  const settings = {
    name: definition.name,
    help: definition.help,
    labelNames: [...definition.labels],
    registers: [registry],
  };
  switch (definition.kind) {
    case 'counter':
      return new PromCounter(settings);
    case 'gauge':
      return new PromGauge(settings);
    case 'histogram':
      return new PromHistogram({ ...settings, buckets: [...(definition.buckets ?? [])] });
  }
}

function agree(a: MetricDefinition, b: MetricDefinition): boolean {
  return (
    a === b ||
    (a.kind === b.kind &&
      a.labels.length === b.labels.length &&
      a.labels.every((label, i) => label === b.labels[i]))
  );
}
