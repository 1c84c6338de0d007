// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { StageSaturation } from '@llm-d/scheduler-core';
import type { Counter, Gauge, Metrics } from '@llm-d/telemetry';
import type { FleetView } from './fleet-view.ts';
import type { FlowObserver } from './flow-controller.ts';
import type { FlowOutcome } from './flow-outcome.ts';
import {
  bandByteUtilization,
  bandRequestUtilization,
  dispatchCycleSeconds,
  flowRequestsTotal,
  globalByteUtilization,
  globalRequestUtilization,
  pendingReclaim,
  poolSaturation,
  reclaimTarget,
  revocationConfirmationSeconds,
  revocationsIssuedTotal,
  revocationsTotal,
  staleEndpoints,
} from './metric-definitions.ts';
import { QueueSeries } from './queue-series.ts';
import type { ReclamationObserver } from './reclamation.ts';

export interface FlowMetricsOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly poolName: string;
  readonly fleet: FleetView;
  /** Name of the saturation detector's instance; undefined where there is none. */
  readonly detectorName: string | undefined;
  /** Over all bands; 0 = unbounded. */
  readonly maxRequests: number;
  readonly maxBytes: number;
}

/** Time after which the series of a flow without requests go; llm-d's. */
const IDLE_FLOW_MS = 300_000;

/** What flow control shows of itself. */
export interface FlowMetrics {
  readonly flow: FlowObserver;
  readonly reclamation: ReclamationObserver;
  /** Shows the saturation of the moment, and forgets flows that are long over. */
  refresh(): void;
  /** Forgets every flow. To be called when nothing waits any more. */
  close(): void;
}

/** Keeps the metrics of flow control. */
export function createFlowMetrics(options: FlowMetricsOptions): FlowMetrics {
  const { metrics, clock, poolName, fleet, detectorName } = options;
  const pool = { inference_pool: poolName };
  const series = new QueueSeries(metrics, poolName);
  const cycle = metrics.histogram(dispatchCycleSeconds, {});
  const saturation = saturationGauges(metrics, poolName);
  const stale =
    detectorName !== undefined && fleet.staleEndpoints() !== undefined
      ? metrics.gauge(staleEndpoints, { detector: detectorName })
      : undefined;
  const globalRequests = boundedGauge(options.maxRequests, () =>
    metrics.gauge(globalRequestUtilization, pool),
  );
  const globalBytes = boundedGauge(options.maxBytes, () =>
    metrics.gauge(globalByteUtilization, pool),
  );
  const ends = endCounters(metrics, poolName);
  const bands = bandGauges(metrics, poolName);
  const showSaturation = (stages: StageSaturation): void => {
    saturation(stages);
    stale?.set(fleet.staleEndpoints() ?? 0);
  };

  return {
    flow: {
      queued: (request) => {
        series.queued(request, clock.nowMs());
      },
      decided: (request, { outcome, waitedMs, wasQueued }) => {
        const nowMs = clock.nowMs();
        if (wasQueued) series.left(request, nowMs);
        series.waited(request, outcome, waitedMs, nowMs);
        ends(request.priority, outcome).inc();
      },
      received: (request, outcome, tookMs) => {
        series.received(request, outcome, tookMs, clock.nowMs());
      },
      filled: ({ priority, requests, bytes, settings }, total) => {
        const band = bands.of(priority);
        band.requests.set(share(requests, settings.maxRequests));
        band.bytes.set(share(bytes, settings.maxBytes));
        globalRequests?.set(share(total.requests, options.maxRequests));
        globalBytes?.set(share(total.bytes, options.maxBytes));
      },
      evaluated: (stages, tookMs) => {
        cycle.observe(tookMs / 1000);
        if (stages !== undefined) showSaturation(stages);
      },
      bandRemoved: (priority) => {
        bands.remove(priority);
      },
    },
    reclamation: createReclamationObserver(metrics, poolName),
    refresh: () => {
      showSaturation(fleet.saturation());
      series.forget(clock.nowMs() - IDLE_FLOW_MS);
    },
    close: () => {
      series.forget(Infinity);
    },
  };
}

function createReclamationObserver(metrics: Metrics, poolName: string): ReclamationObserver {
  const pool = { inference_pool: poolName };
  return {
    target: (deficit) => {
      metrics.gauge(reclaimTarget, pool).set(deficit);
    },
    pending: (debits) => {
      metrics.gauge(pendingReclaim, pool).set(debits);
    },
    issued: (priority, requests) => {
      metrics
        .counter(revocationsIssuedTotal, { priority: String(priority), ...pool })
        .inc(requests);
    },
    concluded: (afterMs) => {
      const outcome = afterMs === undefined ? 'timed_out' : 'confirmed';
      metrics.counter(revocationsTotal, { outcome, ...pool }).inc();
      if (afterMs === undefined) return;
      metrics.histogram(revocationConfirmationSeconds, pool).observe(afterMs / 1000);
    },
  };
}

/** Counters of requests by band and how they ended, each looked up once. */
function endCounters(
  metrics: Metrics,
  poolName: string,
): (priority: number, outcome: FlowOutcome) => Counter {
  const found = new Map<string, Counter>();
  return (priority, outcome) => {
    const key = `${outcome}${priority}`;
    let counter = found.get(key);
    if (counter === undefined) {
      const labels = { outcome, priority: String(priority), inference_pool: poolName };
      found.set(key, (counter = metrics.counter(flowRequestsTotal, labels)));
    }
    return counter;
  };
}

/** Gauges of how full bands are, each looked up once. */
function bandGauges(metrics: Metrics, poolName: string) {
  const found = new Map<number, { readonly requests: Gauge; readonly bytes: Gauge }>();
  const labelsOf = (priority: number) => ({
    priority: String(priority),
    inference_pool: poolName,
  });
  return {
    of: (priority: number) => {
      let band = found.get(priority);
      if (band === undefined) {
        const labels = labelsOf(priority);
        band = {
          requests: metrics.gauge(bandRequestUtilization, labels),
          bytes: metrics.gauge(bandByteUtilization, labels),
        };
        found.set(priority, band);
      }
      return band;
    },
    remove: (priority: number) => {
      found.delete(priority);
      metrics.remove(bandRequestUtilization, labelsOf(priority));
      metrics.remove(bandByteUtilization, labelsOf(priority));
    },
  };
}

function saturationGauges(
  metrics: Metrics,
  poolName: string,
): (saturation: StageSaturation) => void {
  const gauge = (stage: string): Gauge =>
    metrics.gauge(poolSaturation, { inference_pool: poolName, stage });
  const [prefill, decode, effective] = [gauge('prefill'), gauge('decode'), gauge('effective')];
  return (saturation) => {
    prefill.set(saturation.prefill ?? 0);
    decode.set(saturation.decode ?? 0);
    effective.set(saturation.effective);
  };
}

const boundedGauge = (bound: number, create: () => Gauge): Gauge | undefined =>
  bound > 0 ? create() : undefined;

const share = (part: number, bound: number): number => (bound > 0 ? part / bound : 0);
