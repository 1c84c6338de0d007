// SPDX-License-Identifier: Apache-2.0
import type { SchedulingRequest, TokenUsage } from '@llm-d/scheduler-core';
import type {
  Counter,
  Gauge,
  Histogram,
  HistogramDefinition,
  Labels,
  Metrics,
} from '@llm-d/telemetry';
import {
  requestCachedTokens,
  requestDurationSeconds,
  requestErrorTotal,
  requestInputTokens,
  requestNtpotSeconds,
  requestOutputTokens,
  requestRunning,
  requestSizeBytes,
  requestStreamingItlSeconds,
  requestStreamingTpotSeconds,
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
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
  /** The first byte of an answer came so many seconds after its request. */
  firstByte(seconds: number, streaming: boolean): void;
  /** Another chunk of a streamed answer came so many seconds after the one before. */
  nextChunk(seconds: number): void;
  error(code: string): void;
  /** What an answer cost, once it is over. */
  answered(answer: AnsweredRequest): void;
}

/** An answer that is over. */
export interface AnsweredRequest {
  readonly usage: TokenUsage | undefined;
  /** Whether the client asked for a stream. */
  readonly streaming: boolean;
  /** From the arrival of the request to its first byte; undefined where none came. */
  readonly firstByteMs: number | undefined;
  /** From the arrival of the request to its end. */
  readonly durationMs: number;
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
  // What many requests never need is there only once one does.
  const lazy = (definition: HistogramDefinition<(typeof requestLabels)[number]>) =>
    once(() => metrics.histogram(definition, labels));
  const ttft = (streaming: 'true' | 'false') =>
    once(() => metrics.histogram(requestTtftSeconds, { ...labels, streaming }));
  const [streamed, whole] = [ttft('true'), ttft('false')];
  const input = lazy(requestInputTokens);
  const output = lazy(requestOutputTokens);
  const cached = lazy(requestCachedTokens);
  const perToken = lazy(requestNtpotSeconds);
  const perStreamedToken = lazy(requestStreamingTpotSeconds);
  const interToken = lazy(requestStreamingItlSeconds);
  const duration = metrics.histogram(requestDurationSeconds, labels);
  return {
    total: metrics.counter(requestTotal, labels),
    running: metrics.gauge(requestRunning, labels),
    requestBytes: metrics.histogram(requestSizeBytes, labels),
    responseBytes: metrics.histogram(responseSizeBytes, labels),
    firstByte: (seconds, streaming) => {
      (streaming ? streamed : whole)().observe(seconds);
    },
    nextChunk: (seconds) => {
      interToken().observe(seconds);
    },
    error: (code) => {
      metrics.counter(requestErrorTotal, { ...labels, error_code: code }).inc();
    },
    answered: ({ usage, streaming, firstByteMs, durationMs }) => {
      const seconds = durationMs / 1000;
      duration.observe(seconds);
      if (usage === undefined) return;
      const { promptTokens, completionTokens, cachedTokens } = usage;
      input().observe(promptTokens);
      output().observe(completionTokens);
      if (cachedTokens !== undefined) cached().observe(cachedTokens);
      if (completionTokens > 0) perToken().observe(seconds / completionTokens);
      if (streaming && firstByteMs !== undefined && completionTokens > 1) {
        perStreamedToken().observe((durationMs - firstByteMs) / 1000 / (completionTokens - 1));
      }
    },
  };
}

/** Makes something when it is first asked for. */
function once(create: () => Histogram): () => Histogram {
  let made: Histogram | undefined;
  return () => (made ??= create());
}
