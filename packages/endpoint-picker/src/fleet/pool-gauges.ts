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
  stdDevKvCacheUtilization,
  stdDevQueueSize,
  stdDevRunningRequests,
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
    for (const { valueOf, average, deviation } of SPREADS) {
      const values = endpoints.map(valueOf);
      metrics.gauge(average, pool).set(mean(values));
      metrics.gauge(deviation, pool).set(standardDeviation(values));
    }
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

/** What is shown as a mean and a spread over the pool. */
const SPREADS = [
  {
    valueOf: ({ metrics }: Endpoint) => metrics.waitingRequests,
    average: averageQueueSize,
    deviation: stdDevQueueSize,
  },
  {
    valueOf: ({ metrics }: Endpoint) => metrics.runningRequests,
    average: averageRunningRequests,
    deviation: stdDevRunningRequests,
  },
  {
    valueOf: ({ metrics }: Endpoint) => metrics.kvCacheUsage,
    average: averageKvCacheUtilization,
    deviation: stdDevKvCacheUtilization,
  },
] as const;

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

/** Of a sample, as llm-d takes it: divided by one less than there are. 0 for fewer than two. */
function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const middle = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1));
}
