// SPDX-License-Identifier: Apache-2.0
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  deprecatedHelp,
  withLegacyTwin,
  type MetricDefinition,
} from '@llm-d/telemetry';

/** Labels of everything that is counted for each request. */
export const requestLabels = [
  'model_name',
  'target_model_name',
  'fairness_id',
  'priority',
] as const;

/** The labels that former names had. */
const twinLabels = { model_name: 'model_name', target_model_name: 'target_model_name' } as const;

const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45,
  60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const requestByteBuckets = Array.from({ length: 25 }, (_, i) => 64 * 2 ** i);
// 32778 is not a slip of ours: dashboards ask for the bounds that llm-d has.
const responseByteBuckets = [
  1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32778, 65536,
];
const inputTokenBuckets = [...responseByteBuckets, 131072, 262144, 524288, 1048576];
const outputTokenBuckets = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];
const ttftBuckets = durationBuckets.slice(0, durationBuckets.indexOf(120) + 1);

const name = (suffix: string): string => `llm_d_epp_${suffix}`;
const formerly = (suffix: string, current: string, text: string) => ({
  name: `inference_objective_${suffix}`,
  help: deprecatedHelp(name(current), text),
  labels: twinLabels,
});

export const requestTotal = withLegacyTwin(
  defineCounter(
    name('request_total'),
    '[ALPHA] Total number of processed requests.',
    requestLabels,
  ),
  {
    ...formerly(
      'request_total',
      'request_total',
      'Counter of inference objective requests broken out for each model and target model.',
    ),
    labels: { ...twinLabels, priority: 'priority' },
  },
);
export const requestErrorTotal = withLegacyTwin(
  defineCounter(name('request_error_total'), '[ALPHA] Total number of request errors.', [
    ...requestLabels,
    'error_code',
  ]),
  {
    ...formerly(
      'request_error_total',
      'request_error_total',
      'Counter of inference objective requests errors broken out for each model and target model.',
    ),
    labels: { ...twinLabels, error_code: 'error_code' },
  },
);
export const requestRunning = withLegacyTwin(
  defineGauge(
    name('request_running'),
    '[ALPHA] Current number of active running requests.',
    requestLabels,
  ),
  {
    ...formerly(
      'running_requests',
      'request_running',
      'Inference objective number of running requests in each model.',
    ),
    labels: { model_name: 'model_name' },
  },
);
export const requestDurationSeconds = withLegacyTwin(
  defineHistogram(
    name('request_duration_seconds'),
    '[ALPHA] End-to-end request latency distribution in seconds.',
    durationBuckets,
    requestLabels,
  ),
  formerly(
    'request_duration_seconds',
    'request_duration_seconds',
    'Inference objective response latency distribution in seconds for each model and target model.',
  ),
);
export const requestSizeBytes = withLegacyTwin(
  defineHistogram(
    name('request_size_bytes'),
    '[ALPHA] Incoming request body size distribution in bytes.',
    requestByteBuckets,
    requestLabels,
  ),
  formerly(
    'request_sizes',
    'request_size_bytes',
    'Inference objective requests size distribution in bytes for each model and target model.',
  ),
);
export const responseSizeBytes = withLegacyTwin(
  defineHistogram(
    name('response_size_bytes'),
    '[ALPHA] Outgoing response body size distribution in bytes.',
    responseByteBuckets,
    requestLabels,
  ),
  formerly(
    'response_sizes',
    'response_size_bytes',
    'Inference objective responses size distribution in bytes for each model and target model.',
  ),
);
export const requestInputTokens = withLegacyTwin(
  defineHistogram(
    name('request_input_tokens'),
    '[ALPHA] Input token count distribution per request.',
    inputTokenBuckets,
    requestLabels,
  ),
  formerly(
    'input_tokens',
    'request_input_tokens',
    'Inference objective input token count distribution for requests in each model.',
  ),
);
export const requestOutputTokens = withLegacyTwin(
  defineHistogram(
    name('request_output_tokens'),
    '[ALPHA] Output token count distribution per request.',
    outputTokenBuckets,
    requestLabels,
  ),
  formerly(
    'output_tokens',
    'request_output_tokens',
    'Inference objective output token count distribution for requests in each model.',
  ),
);
export const requestCachedTokens = withLegacyTwin(
  defineHistogram(
    name('request_cached_tokens'),
    '[ALPHA] Distribution of prompt tokens read from cache per request, as reported by the model server in the response.',
    inputTokenBuckets,
    requestLabels,
  ),
  formerly(
    'prompt_cached_tokens',
    'request_cached_tokens',
    'Inference objective prompt cached token count distribution for requests in each model.',
  ),
);
export const requestNtpotSeconds = withLegacyTwin(
  defineHistogram(
    name('request_ntpot_seconds'),
    '[ALPHA] Normalized time per output token in seconds (end-to-end latency divided by output token count).',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
    requestLabels,
  ),
  formerly(
    'normalized_time_per_output_token_seconds',
    'request_ntpot_seconds',
    'Inference objective latency divided by number of output tokens in seconds for each model and target model.',
  ),
);
export const requestTtftSeconds = withLegacyTwin(
  defineHistogram(
    name('request_ttft_seconds'),
    '[ALPHA] Time to first token in seconds, measured from request received to first response byte. For non-streaming requests, this equals total request duration.',
    ttftBuckets,
    [...requestLabels, 'streaming'],
  ),
  formerly(
    'request_ttft_seconds',
    'request_ttft_seconds',
    'Inference model TTFT distribution in seconds for each model and target model.',
  ),
);
export const requestStreamingTpotSeconds = withLegacyTwin(
  defineHistogram(
    name('request_streaming_tpot_seconds'),
    '[ALPHA] Average time per output token in seconds for streaming requests, computed as (e2e - TTFT) / (output_tokens - 1).',
    [
      0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.4, 0.5,
      0.6, 0.8, 1, 2,
    ],
    requestLabels,
  ),
  formerly(
    'request_tpot_seconds',
    'request_streaming_tpot_seconds',
    'Inference model TPOT distribution in seconds for each model and target model.',
  ),
);
export const requestStreamingItlSeconds = defineHistogram(
  name('request_streaming_itl_seconds'),
  '[ALPHA] Inter-token latency in seconds for streaming requests, measured as the time between consecutive response body chunks.',
  [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2],
  requestLabels,
);

/** What is counted and measured for each request. */
export const requestMetrics: readonly MetricDefinition[] = [
  requestTotal,
  requestErrorTotal,
  requestRunning,
  requestDurationSeconds,
  requestSizeBytes,
  responseSizeBytes,
  requestInputTokens,
  requestOutputTokens,
  requestCachedTokens,
  requestNtpotSeconds,
  requestTtftSeconds,
  requestStreamingTpotSeconds,
  requestStreamingItlSeconds,
];
