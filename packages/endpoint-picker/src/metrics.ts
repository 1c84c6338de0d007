// SPDX-License-Identifier: Apache-2.0
import { kvBusMetrics, kvEventMetrics } from '@llm-d/kv-events';
import { schedulerCoreMetrics } from '@llm-d/scheduler-core';
import type { MetricDefinition } from '@llm-d/telemetry';
import { flowControlMetrics } from './flow-control/metric-definitions.ts';
import { dataMetrics } from './metric-definitions/data-series.ts';
import { kvIndexMetrics } from './metric-definitions/kv-index-series.ts';
import { pickerMetrics } from './metric-definitions/picker-series.ts';
import { poolMetrics } from './metric-definitions/pool-series.ts';
import { requestMetrics } from './metric-definitions/request-series.ts';
import { configMetrics } from './reload/config-metrics.ts';
import { predictedLatencyMetrics } from './producers/predicted-latency-producer/predicted-latency-metrics.ts';

/** Every metric of the endpoint picker: what docs, dashboards and the exposition are made of. */
export const endpointPickerMetrics: readonly MetricDefinition[] = [
  ...requestMetrics,
  ...pickerMetrics,
  ...poolMetrics,
  ...dataMetrics,
  ...kvIndexMetrics,
  ...kvEventMetrics,
  ...kvBusMetrics,
  ...configMetrics,
  ...flowControlMetrics,
  ...predictedLatencyMetrics,
  ...schedulerCoreMetrics,
];

/** Bounds on the label values that clients choose: whoever exposes these metrics had better heed them. */
export const clientLabelLimits = [
  { labels: ['model_name', 'target_model_name', 'target_model'], limit: 1000 },
  { labels: ['fairness_id'], limit: 1000 },
  { labels: ['program_id'], limit: 1000 },
] as const;
