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

/** A definition and the one metric of its kind. */
interface Registered {
  readonly definition: MetricDefinition;
  readonly counter?: PromCounter;
  readonly gauge?: PromGauge;
  readonly histogram?: PromHistogram;
}

/**
 * Keeps metrics in a prom-client registry of their own.
 * Two definitions of one name that differ in kind or labels are a programming error and throw.
 */
export function createPrometheusMetrics(options: PrometheusMetricsOptions = {}): PrometheusMetrics {
  const registry = new Registry();
  if (options.processMetrics === true) collectDefaultMetrics({ register: registry });
  const registered = new Map<string, Registered>();

  const find = (definition: MetricDefinition): Registered => {
    const known = registered.get(definition.name);
    if (known === undefined) {
      const created = create(definition, registry);
      registered.set(definition.name, created);
      return created;
    }
    if (agree(known.definition, definition)) return known;
    throw new TypeError(`metric ${definition.name} is defined twice, and differently`);
  };

  for (const definition of options.definitions ?? []) find(definition);

  return {
    contentType: registry.contentType,
    expose: () => registry.metrics(),
    counter: (definition, labels) => {
      const series = present(find(definition).counter).labels(labels);
      return {
        inc: (amount = 1) => {
          series.inc(amount);
        },
      };
    },
    gauge: (definition, labels) => {
      const series = present(find(definition).gauge).labels(labels);
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
      const series = present(find(definition).histogram).labels(labels);
      return {
        observe: (value) => {
          series.observe(value);
        },
      };
    },
    remove: (definition, labels) => {
      const { counter, gauge, histogram } = find(definition);
      counter?.remove(labels);
      gauge?.remove(labels);
      histogram?.remove(labels);
    },
  };
}

function create(definition: MetricDefinition, registry: Registry): Registered {
  const settings = {
    name: definition.name,
    help: definition.help,
    labelNames: [...definition.labels],
    registers: [registry],
  };
  switch (definition.kind) {
    case 'counter':
      return { definition, counter: new PromCounter(settings) };
    case 'gauge':
      return { definition, gauge: new PromGauge(settings) };
    case 'histogram': {
      const buckets = [...(definition.buckets ?? [])];
      return { definition, histogram: new PromHistogram({ ...settings, buckets }) };
    }
  }
}

/** A definition's kind is part of its type, so the metric of that kind is there. */
function present<T>(metric: T | undefined): T {
  if (metric === undefined) throw new TypeError('a metric is used as another kind than its own');
  return metric;
}

function agree(a: MetricDefinition, b: MetricDefinition): boolean {
  return (
    a === b ||
    (a.kind === b.kind &&
      a.labels.length === b.labels.length &&
      a.labels.every((label, i) => label === b.labels[i]))
  );
}
