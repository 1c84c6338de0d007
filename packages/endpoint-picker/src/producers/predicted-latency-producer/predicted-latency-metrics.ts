// SPDX-License-Identifier: Apache-2.0
import type { SchedulingRequest } from '@llm-d/scheduler-core';
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  withFormerName,
  type Metrics,
  type MetricDefinition,
} from '@llm-d/telemetry';
import { createKnownValues } from '../../picker/known-values.ts';

const labels = ['plugin_name', 'plugin_type', 'model_name', 'target_model_name'] as const;

const ttftBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45,
  60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const tpotBuckets = [
  0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6,
  0.8, 1, 1.5, 2, 3, 4.5, 6, 12, 18, 24, 30, 36, 48, 60, 90, 120, 180, 270, 360,
];
const predictionBuckets = [
  0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5,
];

const former = (suffix: string): string => `inference_objective_${suffix}`;
/** Labels of the former names. */
const formerLabels = ['model_name', 'target_model_name'] as const;

export const inferenceRequestMetric = withFormerName(
  defineGauge(
    'llm_d_epp_inference_request_metric',
    '[ALPHA] Consolidated gauge for various inference request metrics including TTFT, TPOT, SLOs, and prediction durations.',
    [...labels, 'type'],
  ),
  former('inference_request_metric'),
  [...formerLabels, 'type'],
);
export const requestPredictedTtftSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_request_predicted_ttft_seconds',
    '[ALPHA] Inference model Predicted TTFT distribution in seconds for each model and target model.',
    ttftBuckets,
    labels,
  ),
  former('request_predicted_ttft_seconds'),
  formerLabels,
);
export const requestPredictedTpotSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_request_predicted_tpot_seconds',
    '[ALPHA] Inference model Predicted TPOT distribution in seconds for each model and target model.',
    tpotBuckets,
    labels,
  ),
  former('request_predicted_tpot_seconds'),
  formerLabels,
);
export const requestTtftPredictionDurationSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_request_ttft_prediction_duration_seconds',
    '[ALPHA] Duration taken to generate TTFT predictions in seconds for each model and target model.',
    predictionBuckets,
    labels,
  ),
  former('request_ttft_prediction_duration_seconds'),
  formerLabels,
);
export const requestTpotPredictionDurationSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_request_tpot_prediction_duration_seconds',
    '[ALPHA] Duration taken to generate TPOT predictions in seconds for each model and target model.',
    predictionBuckets,
    labels,
  ),
  former('request_tpot_prediction_duration_seconds'),
  formerLabels,
);
export const requestSloViolationTotal = withFormerName(
  defineCounter(
    'llm_d_epp_request_slo_violation_total',
    '[ALPHA] Counter of SLO violations for each model, target model, and violation type.',
    [...labels, 'type'],
  ),
  former('request_slo_violation_total'),
  [...formerLabels, 'type'],
);

/** Every metric of the predictor, for the product's list. */
export const predictedLatencyMetrics: readonly MetricDefinition[] = [
  inferenceRequestMetric,
  requestPredictedTtftSeconds,
  requestPredictedTpotSeconds,
  requestTtftPredictionDurationSeconds,
  requestTpotPredictionDurationSeconds,
  requestSloViolationTotal,
];

/** The two times that are predicted and measured. */
export type LatencyKind = 'ttft' | 'tpot';

/** A time of one request: what it was, what it was expected to be, what it was to be at most. */
export interface ObservedTime {
  readonly actualMs: number;
  readonly predictedMs: number | undefined;
  /** 0 = no objective. */
  readonly objectiveMs: number;
}

/** Records what was predicted and what happened, for one model and target model. */
export interface LatencySeries {
  predictionTook(durationMs: number): void;
  observed(kind: LatencyKind, time: ObservedTime): void;
}

/** Finds the series of a request. Model names are bounded in number. */
export function createLatencyMetrics(
  metrics: Metrics,
  plugin: { readonly plugin_name: string; readonly plugin_type: string },
): (request: SchedulingRequest) => LatencySeries {
  const boundModel = createKnownValues();
  const boundTarget = createKnownValues();
  const found = new Map<string, LatencySeries>();
  return (request) => {
    const model = boundModel(request.model);
    const target = boundTarget(request.targetModel);
    const key = `${model}\n${target}`;
    let series = found.get(key);
    if (series === undefined) {
      series = bind(metrics, { ...plugin, model_name: model, target_model_name: target });
      found.set(key, series);
    }
    return series;
  };
}

type SeriesLabels = Readonly<Record<(typeof labels)[number], string>>;

function bind(metrics: Metrics, own: SeriesLabels): LatencySeries {
  const gauge = (type: string, value: number): void => {
    metrics.gauge(inferenceRequestMetric, { ...own, type }).set(value);
  };
  const durations = {
    ttft: metrics.histogram(requestTtftPredictionDurationSeconds, own),
    tpot: metrics.histogram(requestTpotPredictionDurationSeconds, own),
  };
  const predicted = {
    ttft: metrics.histogram(requestPredictedTtftSeconds, own),
    tpot: metrics.histogram(requestPredictedTpotSeconds, own),
  };
  return {
    predictionTook: (durationMs) => {
      for (const kind of ['ttft', 'tpot'] as const) {
        durations[kind].observe(durationMs / 1000);
        gauge(`${kind}_prediction_duration`, durationMs / 1000);
      }
    },
    observed: (kind, { actualMs, predictedMs, objectiveMs }) => {
      gauge(kind, actualMs / 1000);
      if (predictedMs !== undefined) {
        predicted[kind].observe(predictedMs / 1000);
        gauge(`predicted_${kind}`, predictedMs / 1000);
      }
      if (objectiveMs <= 0) return;
      const isViolated = actualMs > objectiveMs;
      gauge(`${kind}_slo_violation`, isViolated ? 1 : 0);
      if (isViolated) metrics.counter(requestSloViolationTotal, { ...own, type: kind }).inc();
    },
  };
}
