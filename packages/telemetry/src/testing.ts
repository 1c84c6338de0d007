// SPDX-License-Identifier: Apache-2.0
import type { LogFields, Logger } from './logger.ts';
import type { Labels, MetricDefinition, Metrics } from './metrics.ts';

/** A line that a {@link recordingLogger} was given. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines, for assertions. */
export function recordingLogger(): Logger & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const create = (base: LogFields): Logger => {
    const at =
      (level: LogLine['level']) =>
      (message: string, fields: LogFields = {}) => {
        lines.push({ level, message, fields: { ...base, ...fields } });
      };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      with: (fields) => create({ ...base, ...fields }),
    };
  };
  return { ...create({}), lines };
}

/** Metrics that can be read back: counters and gauges by value, histograms as the list of observations. */
export interface RecordingMetrics extends Metrics {
  /** Value of a counter or gauge; 0 where nothing was recorded. */
  value<L extends string>(definition: MetricDefinition<L>, labels: Labels<L>): number;
  /** What a histogram observed, in order. */
  observations<L extends string>(
    definition: MetricDefinition<L>,
    labels: Labels<L>,
  ): readonly number[];
}

/** Keeps every measurement in memory, for assertions. */
export function recordingMetrics(): RecordingMetrics {
  const values = new Map<string, number>();
  const observations = new Map<string, number[]>();
  const key = (definition: MetricDefinition, labels: Readonly<Record<string, string>>): string =>
    [definition.name, ...definition.labels.map((label) => labels[label])].join('|');
  const add = (id: string, amount: number): void => {
    values.set(id, (values.get(id) ?? 0) + amount);
  };
  return {
    counter: (definition, labels) => {
      const id = key(definition, labels);
      return {
        inc: (amount = 1) => {
          add(id, amount);
        },
      };
    },
    gauge: (definition, labels) => {
      const id = key(definition, labels);
      return {
        set: (value) => {
          values.set(id, value);
        },
        add: (amount) => {
          add(id, amount);
        },
      };
    },
    histogram: (definition, labels) => {
      const id = key(definition, labels);
      const list = observations.get(id) ?? [];
      observations.set(id, list);
      return { observe: (value) => list.push(value) };
    },
    remove: (definition, labels) => {
      values.delete(key(definition, labels));
      observations.delete(key(definition, labels));
    },
    value: (definition, labels) => values.get(key(definition, labels)) ?? 0,
    observations: (definition, labels) => observations.get(key(definition, labels)) ?? [],
  };
}
