// SPDX-License-Identifier: Apache-2.0
import { schedulerCoreMetrics } from '@llm-d/scheduler-core';
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  type MetricDefinition,
} from '@llm-d/telemetry';

/** Labels of everything that is counted for each request. */
export const requestLabels = [
  'model_name',
  'target_model_name',
  'fairness_id',
  'priority',
] as const;

const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45,
  60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const byteBuckets = [
  64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288, 1048576,
  2097152, 4194304, 8388608, 16777216,
];
const inputTokenBuckets = [
  1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32778, 65536, 131072, 262144,
  524288, 1048576,
];
const outputTokenBuckets = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];
const ttftBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45,
  60, 120,
];
const microBuckets = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
];

export const requestTotal = defineCounter(
  'llm_d_epp_request_total',
  '[ALPHA] Counter of inference requests, by model and flow.',
  requestLabels,
);
export const requestErrorTotal = defineCounter(
  'llm_d_epp_request_error_total',
  '[ALPHA] Counter of inference requests that ended with an error, by its code.',
  [...requestLabels, 'error_code'],
);
export const requestRunning = defineGauge(
  'llm_d_epp_request_running',
  '[ALPHA] Inference requests in flight.',
  requestLabels,
);
export const requestDurationSeconds = defineHistogram(
  'llm_d_epp_request_duration_seconds',
  '[ALPHA] Time from the arrival of a request to the end of its answer.',
  durationBuckets,
  requestLabels,
);
export const requestSizeBytes = defineHistogram(
  'llm_d_epp_request_size_bytes',
  '[ALPHA] Size of request bodies.',
  byteBuckets,
  requestLabels,
);
export const responseSizeBytes = defineHistogram(
  'llm_d_epp_response_size_bytes',
  '[ALPHA] Size of response bodies.',
  byteBuckets,
  requestLabels,
);
export const requestInputTokens = defineHistogram(
  'llm_d_epp_request_input_tokens',
  '[ALPHA] Prompt tokens of a request, as the engine counted them.',
  inputTokenBuckets,
  requestLabels,
);
export const requestOutputTokens = defineHistogram(
  'llm_d_epp_request_output_tokens',
  '[ALPHA] Completion tokens of a request, as the engine counted them.',
  outputTokenBuckets,
  requestLabels,
);
export const requestCachedTokens = defineHistogram(
  'llm_d_epp_request_cached_tokens',
  '[ALPHA] Prompt tokens that the engine took from its prefix cache.',
  inputTokenBuckets,
  requestLabels,
);
export const requestTtftSeconds = defineHistogram(
  'llm_d_epp_request_ttft_seconds',
  '[ALPHA] Time from the arrival of a request to the first byte of its answer.',
  ttftBuckets,
  [...requestLabels, 'streaming'],
);
export const schedulerDurationSeconds = defineHistogram(
  'llm_d_epp_scheduler_e2e_duration_seconds',
  '[ALPHA] Time the scheduler took to place a request.',
  microBuckets,
);
export const schedulerAttemptsTotal = defineCounter(
  'llm_d_epp_scheduler_attempts_total',
  '[ALPHA] Counter of scheduling attempts, by outcome and chosen endpoint.',
  ['status', 'target_model_name', 'endpoint_name', 'namespace', 'port'],
);
export const readyEndpoints = defineGauge(
  'llm_d_epp_ready_endpoints',
  '[ALPHA] Endpoints that may take requests.',
  ['name'],
);
export const averageKvCacheUtilization = defineGauge(
  'llm_d_epp_average_kv_cache_utilization',
  '[ALPHA] Mean KV cache utilization over the endpoints.',
  ['name'],
);
export const averageQueueSize = defineGauge(
  'llm_d_epp_average_queue_size',
  '[ALPHA] Mean number of waiting requests over the endpoints.',
  ['name'],
);
export const averageRunningRequests = defineGauge(
  'llm_d_epp_average_running_requests',
  '[ALPHA] Mean number of running requests over the endpoints.',
  ['name'],
);
export const perEndpointQueueSize = defineGauge(
  'llm_d_epp_per_endpoint_queue_size',
  '[ALPHA] Waiting requests of one endpoint.',
  ['name', 'model_server_endpoint'],
);
export const pollErrorsTotal = defineCounter(
  'llm_d_epp_datalayer_poll_errors_total',
  '[ALPHA] Counter of scrapes and other polls that failed.',
  ['source_type'],
);
export const prefixIndexerSize = defineGauge(
  'llm_d_epp_prefix_indexer_size',
  '[ALPHA] Blocks in the approximate prefix index, over all endpoints.',
  ['plugin_name', 'plugin_type'],
);
export const prefixIndexerHitRatio = defineHistogram(
  'llm_d_epp_prefix_indexer_hit_ratio',
  '[ALPHA] Share of a prompt that the chosen endpoint is believed to hold.',
  [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
  ['plugin_name', 'plugin_type'],
);
export const inflightRequests = defineGauge(
  'llm_d_epp_inflight_requests',
  '[ALPHA] Requests placed on an endpoint and not finished.',
  ['endpoint_name', 'namespace', 'producer_name'],
);
export const inflightTokens = defineGauge(
  'llm_d_epp_inflight_tokens',
  '[ALPHA] Uncached prompt tokens placed on an endpoint and not answered.',
  ['endpoint_name', 'namespace', 'producer_name'],
);

/** Every metric of the endpoint picker: what docs, dashboards and the exposition are made of. */
export const endpointPickerMetrics: readonly MetricDefinition[] = [
  requestTotal,
  requestErrorTotal,
  requestRunning,
  requestDurationSeconds,
  requestSizeBytes,
  responseSizeBytes,
  requestInputTokens,
  requestOutputTokens,
  requestCachedTokens,
  requestTtftSeconds,
  schedulerDurationSeconds,
  schedulerAttemptsTotal,
  readyEndpoints,
  averageKvCacheUtilization,
  averageQueueSize,
  averageRunningRequests,
  perEndpointQueueSize,
  pollErrorsTotal,
  prefixIndexerSize,
  prefixIndexerHitRatio,
  inflightRequests,
  inflightTokens,
  ...schedulerCoreMetrics,
];
