// SPDX-License-Identifier: Apache-2.0
import { kvBusMetrics, kvEventMetrics } from '@llm-d/kv-events';
import { defineCounter, defineGauge, defineHistogram } from '@llm-d/telemetry';

export const relayedSources = defineGauge(
  'llm_d_kv_relay_sources',
  'Ranks of engines whose KV events are relayed.',
);
export const relayLag = defineHistogram(
  'llm_d_kv_relay_lag_seconds',
  'From the arrival of a batch to its place on the bus.',
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
);
export const lostBatches = defineCounter(
  'llm_d_kv_relay_lost_batches_total',
  'Batches that were reported as lost: the engine no longer had them, or the bus refused them.',
);
export const refusedBatches = defineCounter(
  'llm_d_kv_relay_refused_batches_total',
  'Batches that the bus will never take, such as those that are too large.',
);

/** Everything that a relay counts. */
export const relayMetrics = [
  relayedSources,
  relayLag,
  lostBatches,
  refusedBatches,
  ...kvBusMetrics,
  ...kvEventMetrics,
] as const;
