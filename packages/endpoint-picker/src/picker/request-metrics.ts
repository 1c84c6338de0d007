// SPDX-License-Identifier: Apache-2.0
import type { SchedulingRequest, TokenUsage } from '@llm-d/scheduler-core';
import type { Counter, Gauge, Histogram, Labels, Metrics } from '@llm-d/telemetry';
import {
  requestCachedTokens,
  requestDurationSeconds,
  requestErrorTotal,
  requestInputTokens,
  requestOutputTokens,
  requestRunning,
  requestSizeBytes,
  requestTotal,
  requestTtftSeconds,
  responseSizeBytes,
  type requestLabels,
} from '../metric-definitions/request-series.ts';
import { createKnownValues } from './known-values.ts';

type RequestLabels = Labels<(typeof requestLabels)[number]>;

/** The series of one combination of labels, looked up once. */
export interface RequestSeries {
  readonly total: Counter;
  readonly running: Gauge;
  readonly duration: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
  readonly ttft: { readonly streaming: Histogram; readonly whole: Histogram };
  error(code: string): void;
  usage(usage: TokenUsage): void;
}

/** Finds the series that a request counts in. Label values that clients choose are bounded. */
export function createRequestMetrics(
  metrics: Metrics,
): (request: SchedulingRequest) => RequestSeries {
  const bounds = {
    model: createKnownValues(),
    target: createKnownValues(),
    fairness: createKnownValues(),
  };
  const found = new Map<string, RequestSeries>();
  return (request) => {
    const labels: RequestLabels = {
      model_name: bounds.model(request.model),
      target_model_name: bounds.target(request.targetModel),
      fairness_id: bounds.fairness(request.fairnessId),
      priority: String(request.priority),
    };
    const key = `${labels.model_name}\n${labels.target_model_name}\n${labels.fairness_id}\n${labels.priority}`;
    let series = found.get(key);
    if (series === undefined) found.set(key, (series = bind(metrics, labels)));
    return series;
  };
}

function bind(metrics: Metrics, labels: RequestLabels): RequestSeries {
  const input = metrics.histogram(requestInputTokens, labels);
  const output = metrics.histogram(requestOutputTokens, labels);
  const cached = metrics.histogram(requestCachedTokens, labels);
  return {
    total: metrics.counter(requestTotal, labels),
    running: metrics.gauge(requestRunning, labels),
    duration: metrics.histogram(requestDurationSeconds, labels),
    requestBytes: metrics.histogram(requestSizeBytes, labels),
    responseBytes: metrics.histogram(responseSizeBytes, labels),
    ttft: {
      streaming: metrics.histogram(requestTtftSeconds, { ...labels, streaming: 'true' }),
      whole: metrics.histogram(requestTtftSeconds, { ...labels, streaming: 'false' }),
    },
    error: (code) => {
      metrics.counter(requestErrorTotal, { ...labels, error_code: code }).inc();
    },
    usage: ({ promptTokens, completionTokens, cachedTokens }) => {
      input.observe(promptTokens);
      output.observe(completionTokens);
      if (cachedTokens !== undefined) cached.observe(cachedTokens);
    },
  };
}
