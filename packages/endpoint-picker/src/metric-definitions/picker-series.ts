// SPDX-License-Identifier: Apache-2.0
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  deprecatedHelp,
  withFormerName,
  withLegacyTwin,
  type MetricDefinition,
} from '@llm-d/telemetry';

export const schedulerDurationSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_scheduler_e2e_duration_seconds',
    '[ALPHA] End-to-end scheduling latency distribution in seconds.',
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
  ),
  'inference_extension_scheduler_e2e_duration_seconds',
);
export const schedulerAttemptsTotal = withLegacyTwin(
  defineCounter(
    'llm_d_epp_scheduler_attempts_total',
    '[ALPHA] Total number of scheduling attempts.',
    ['status', 'target_model_name', 'endpoint_name', 'namespace', 'port'],
  ),
  {
    name: 'inference_extension_scheduler_attempts_total',
    help: deprecatedHelp(
      'llm_d_epp_scheduler_attempts_total',
      'Total number of scheduling attempts.',
    ),
    labels: {
      status: 'status',
      target_model_name: 'target_model_name',
      pod_name: 'endpoint_name',
      namespace: 'namespace',
      port: 'port',
    },
  },
);
export const requestProcessingSeconds = defineHistogram(
  'llm_d_epp_request_processing_duration_seconds',
  '[ALPHA] EPP request processing latency distribution in seconds, from request receipt until the request body has been handled, including admission control.',
  [0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
);
export const responseProcessingSeconds = defineHistogram(
  'llm_d_epp_response_processing_duration_seconds',
  '[ALPHA] EPP response processing latency distribution in seconds: the sum of per-chunk handler time for a streamed response, or the interval from response headers to completion for a non-streaming response.',
  [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
);
export const modelRewriteDecisionsTotal = withLegacyTwin(
  defineCounter(
    'llm_d_epp_model_rewrite_decisions_total',
    '[ALPHA] Total number of inference model rewrite decisions.',
    ['model_rewrite_name', 'model_name', 'target_model'],
  ),
  {
    name: 'inference_extension_model_rewrite_decisions_total',
    help: '[ALPHA] Total number of inference model rewrite decisions.',
    labels: {
      model_rewrite_name: 'model_rewrite_name',
      model_name: 'model_name',
      target_model: 'target_model',
    },
  },
);
/** Always 1; its labels tell which build this is. */
export const buildInfo = withLegacyTwin(
  defineGauge(
    'llm_d_epp_info',
    '[ALPHA] General information of the current build of Inference Extension.',
    ['commit', 'build_ref'],
  ),
  {
    name: 'inference_extension_info',
    help: '[ALPHA] General information of the current build of Inference Extension.',
    labels: { commit: 'commit', build_ref: 'build_ref' },
  },
);

/** What is measured of the endpoint picker itself. */
export const pickerMetrics: readonly MetricDefinition[] = [
  schedulerDurationSeconds,
  schedulerAttemptsTotal,
  requestProcessingSeconds,
  responseProcessingSeconds,
  modelRewriteDecisionsTotal,
  buildInfo,
];
