// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { Endpoint } from '@llm-d/scheduler-core';
import type { Metrics } from '@llm-d/telemetry';
import {
  averageKvCacheUtilization,
  averageQueueSize,
  averageRunningRequests,
  perEndpointQueueSize,
  readyEndpoints,
} from '../metric-definitions/pool-series.ts';
import type { Fleet } from './fleet.ts';

export interface PoolGaugesOptions {
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly poolName: string;
  /** Default 5000, as llm-d's `--refresh-prometheus-metrics-interval`. */
  readonly intervalMs?: number;
  /** Called with every update. Default nothing. */
  readonly onRefresh?: () => void;
}

/** Keeps the gauges over the whole pool up to date. Returns how to stop. */
export function startPoolGauges(options: PoolGaugesOptions): { stop(): void } {
  const { fleet, clock, metrics, poolName } = options;
  const pool = { name: poolName };
  const labelsOf = ({ id }: Endpoint) => ({ name: poolName, model_server_endpoint: id });
  const refresh = (): void => {
    const endpoints = fleet.snapshot();
    metrics.gauge(readyEndpoints, pool).set(fleet.healthy(clock.nowMs()).length);
    metrics.gauge(averageQueueSize, pool).set(mean(endpoints, (e) => e.metrics.waitingRequests));
    metrics
      .gauge(averageRunningRequests, pool)
      .set(mean(endpoints, (e) => e.metrics.runningRequests));
    metrics
      .gauge(averageKvCacheUtilization, pool)
      .set(mean(endpoints, (e) => e.metrics.kvCacheUsage));
    for (const endpoint of endpoints) {
      metrics.gauge(perEndpointQueueSize, labelsOf(endpoint)).set(endpoint.metrics.waitingRequests);
    }
    options.onRefresh?.();
  };
  const unlisten = fleet.listen({
    endpointRemoved: (endpoint) => {
      metrics.remove(perEndpointQueueSize, labelsOf(endpoint));
    },
  });

  let timer: Timer;
  const tick = (): void => {
    refresh();
    timer = clock.schedule(options.intervalMs ?? 5000, tick);
  };
  tick();
  return {
    stop: () => {
      timer.cancel();
      unlisten();
    },
  };
}

function mean(endpoints: readonly Endpoint[], valueOf: (endpoint: Endpoint) => number): number {
  if (endpoints.length === 0) return 0;
  return endpoints.reduce((sum, endpoint) => sum + valueOf(endpoint), 0) / endpoints.length;
}
