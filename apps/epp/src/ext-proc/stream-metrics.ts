// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Termination } from '@llm-d/scheduler-core';
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  type MetricDefinition,
  type Metrics,
} from '@llm-d/telemetry';

export const streamsInflight = defineGauge(
  'llm_d_epp_extproc_streams_inflight',
  '[ALPHA] Number of ext_proc gRPC streams currently open.',
);
export const streamDurationSeconds = defineHistogram(
  'llm_d_epp_extproc_stream_duration_seconds',
  '[ALPHA] Duration an ext_proc gRPC stream stays open, in seconds.',
  [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600],
);
export const streamsTotal = defineCounter(
  'llm_d_epp_extproc_streams_total',
  '[ALPHA] Total ext_proc gRPC streams completed, by gRPC status code.',
  ['code'],
);

/** What `--enable-grpc-stream-metrics` adds. */
export const streamMetricDefinitions: readonly MetricDefinition[] = [
  streamsInflight,
  streamDurationSeconds,
  streamsTotal,
];

/** Measures streams from their beginning to their end. */
export interface StreamMetrics {
  /** A stream began; what comes back is told how its exchange went. */
  opened(): { closed(termination: Termination): void };
}

/** Measures into `metrics`. A stream whose client left counts as `Canceled`, every other one as `OK`. */
export function createStreamMetrics(metrics: Metrics, clock: Clock): StreamMetrics {
  const inflight = metrics.gauge(streamsInflight, {});
  const duration = metrics.histogram(streamDurationSeconds, {});
  const ended = (code: string) => metrics.counter(streamsTotal, { code });
  const ok = ended('OK');
  const canceled = ended('Canceled');
  return {
    opened: () => {
      const startedMs = clock.nowMs();
      inflight.add(1);
      return {
        closed: (termination) => {
          inflight.add(-1);
          duration.observe((clock.nowMs() - startedMs) / 1000);
          (termination === 'client-disconnect' ? canceled : ok).inc();
        },
      };
    },
  };
}
