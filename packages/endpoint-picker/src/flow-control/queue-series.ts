// SPDX-License-Identifier: Apache-2.0
import type { QueuedRequest } from '@llm-d/scheduler-core';
import type { Gauge, Histogram, Labels, Metrics } from '@llm-d/telemetry';
import { createKnownValues } from '../picker/known-values.ts';
import type { FlowOutcome } from './flow-outcome.ts';
import {
  enqueueDurationSeconds,
  queueBytes,
  queueDurationSeconds,
  queueSize,
} from './metric-definitions.ts';

/** Outcome of taking a request in that waits, as llm-d calls it. */
const WAITS = 'NotYetFinalized';

type QueueLabels = Labels<(typeof queueSize)['labels'][number]>;

/** The series of one combination of labels. */
interface Series {
  readonly labels: QueueLabels;
  readonly size: Gauge;
  readonly bytes: Gauge;
  readonly waits: Map<FlowOutcome, Histogram>;
  readonly flow: FlowSeries;
  requests: number;
  /** Clock reading (ms) of the last request. */
  activeMs: number;
}

/** Series of a flow, whatever the models. */
interface FlowSeries {
  readonly labels: Labels<'fairness_id' | 'priority'>;
  readonly enqueues: Map<string, Histogram>;
  /** How many combinations of labels are of this flow. */
  users: number;
}

/**
 * What waits, by flow and model. Label values that clients choose are bounded, and series of flows in which nothing has
 * happened for long are forgotten.
 */
export class QueueSeries {
  readonly #metrics: Metrics;
  readonly #poolName: string;
  readonly #found = new Map<string, Series>();
  readonly #flows = new Map<string, FlowSeries>();
  readonly #bounds = {
    model: createKnownValues(),
    target: createKnownValues(),
    fairness: createKnownValues(),
  };

  constructor(metrics: Metrics, poolName: string) {
    this.#metrics = metrics;
    this.#poolName = poolName;
    this.#showEmptyQueue();
  }

  queued(request: QueuedRequest, nowMs: number): void {
    const series = this.#of(request, nowMs);
    series.requests++;
    series.size.add(1);
    series.bytes.add(request.bytes);
  }

  left(request: QueuedRequest, nowMs: number): void {
    const series = this.#of(request, nowMs);
    series.requests--;
    series.size.add(-1);
    series.bytes.add(-request.bytes);
  }

  waited(request: QueuedRequest, outcome: FlowOutcome, waitedMs: number, nowMs: number): void {
    const { waits, labels } = this.#of(request, nowMs);
    let histogram = waits.get(outcome);
    if (histogram === undefined) {
      histogram = this.#metrics.histogram(queueDurationSeconds, { ...labels, outcome });
      waits.set(outcome, histogram);
    }
    histogram.observe(waitedMs / 1000);
  }

  received(request: QueuedRequest, outcome: string = WAITS, tookMs: number, nowMs: number): void {
    const { enqueues, labels } = this.#of(request, nowMs).flow;
    let histogram = enqueues.get(outcome);
    if (histogram === undefined) {
      histogram = this.#metrics.histogram(enqueueDurationSeconds, { ...labels, outcome });
      enqueues.set(outcome, histogram);
    }
    histogram.observe(tookMs / 1000);
  }

  /** Forgets the series in which nothing waits and nothing has happened since `sinceMs`. */
  forget(sinceMs: number): void {
    for (const [key, series] of this.#found) {
      if (series.requests > 0 || series.activeMs > sinceMs) continue;
      this.#found.delete(key);
      this.#remove(series);
    }
    this.#showEmptyQueue();
  }

  #of(request: QueuedRequest, nowMs: number): Series {
    const labels: QueueLabels = {
      fairness_id: this.#bounds.fairness(request.fairnessId),
      priority: String(request.priority),
      inference_pool: this.#poolName,
      model_name: this.#bounds.model(request.model),
      target_model_name: this.#bounds.target(request.targetModel),
    };
    const key = `${labels.fairness_id}\n${labels.priority}\n${labels.model_name}\n${labels.target_model_name}`;
    let series = this.#found.get(key);
    if (series === undefined) {
      series = {
        labels,
        size: this.#metrics.gauge(queueSize, labels),
        bytes: this.#metrics.gauge(queueBytes, labels),
        waits: new Map(),
        flow: this.#flowOf(labels),
        requests: 0,
        activeMs: nowMs,
      };
      this.#found.set(key, series);
    }
    series.activeMs = nowMs;
    return series;
  }

  #flowOf({ fairness_id, priority }: QueueLabels): FlowSeries {
    const key = flowKey({ fairness_id, priority });
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      flow = { labels: { fairness_id, priority }, enqueues: new Map(), users: 0 };
      this.#flows.set(key, flow);
    }
    flow.users++;
    return flow;
  }

  #remove({ labels, waits, flow }: Series): void {
    this.#metrics.remove(queueSize, labels);
    this.#metrics.remove(queueBytes, labels);
    for (const outcome of waits.keys()) {
      this.#metrics.remove(queueDurationSeconds, { ...labels, outcome });
    }
    if (--flow.users > 0) return;
    this.#flows.delete(flowKey(flow.labels));
    for (const outcome of flow.enqueues.keys()) {
      this.#metrics.remove(enqueueDurationSeconds, { ...flow.labels, outcome });
    }
  }

  /** A queue that has never held anything has a size too: autoscalers start fleets from zero by it. */
  #showEmptyQueue(): void {
    const labels = {
      fairness_id: 'default-flow',
      priority: '0',
      inference_pool: this.#poolName,
      model_name: '',
      target_model_name: '',
    };
    this.#metrics.gauge(queueSize, labels).add(0);
    this.#metrics.gauge(queueBytes, labels).add(0);
  }
}

const flowKey = ({ fairness_id, priority }: FlowSeries['labels']): string =>
  `${fairness_id}\n${priority}`;
