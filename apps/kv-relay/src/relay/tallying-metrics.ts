// SPDX-License-Identifier: Apache-2.0
import type { Metrics } from '@llm-d/telemetry';

/** Measurements that go on to others, with the sums of counters by name. */
export interface TallyingMetrics extends Metrics {
  /** What counters of this name came to; 0 for one that was never used. */
  total(name: string): number;
}

/** Adds up, for one part of the program, what others add up for all of it. */
export function tallyCounters(metrics: Metrics): TallyingMetrics {
  const totals = new Map<string, number>();
  return {
    counter: (definition, labels) => {
      const counter = metrics.counter(definition, labels);
      return {
        inc: (amount = 1) => {
          totals.set(definition.name, (totals.get(definition.name) ?? 0) + amount);
          counter.inc(amount);
        },
      };
    },
    gauge: (definition, labels) => metrics.gauge(definition, labels),
    histogram: (definition, labels) => metrics.histogram(definition, labels),
    remove: (definition, labels) => {
      metrics.remove(definition, labels);
    },
    total: (name) => totals.get(name) ?? 0,
  };
}
