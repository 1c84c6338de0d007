// SPDX-License-Identifier: Apache-2.0
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  withFormerName,
  type MetricDefinition,
} from '@llm-d/telemetry';

const decisionLabels = ['plugin_name', 'plugin_type', 'model_name', 'decision_type'] as const;
const formerDecisionLabels = ['model_name', 'decision_type'] as const;

export const disaggDecisionTotal = withFormerName(
  defineCounter(
    'llm_d_epp_disagg_decision_total',
    '[ALPHA] Total number of disaggregation routing decisions made',
    decisionLabels,
  ),
  'llm_d_inference_scheduler_disagg_decision_total',
  formerDecisionLabels,
);
/** Only of the handler that knows no encoders. */
export const pdDecisionTotal = withFormerName(
  defineCounter(
    'llm_d_epp_pd_decision_total',
    '[ALPHA] Total number of P/D disaggregation decisions made',
    decisionLabels,
  ),
  'llm_d_inference_scheduler_pd_decision_total',
  formerDecisionLabels,
);

export const pluginDurationSeconds = withFormerName(
  defineHistogram(
    'llm_d_epp_plugin_duration_seconds',
    '[ALPHA] Plugin processing latency distribution in seconds for each extension point, plugin type and plugin name.',
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
    ['extension_point', 'plugin_type', 'plugin_name'],
  ),
  'inference_extension_plugin_duration_seconds',
);

export const programFairnessIndex = defineGauge(
  'llm_d_epp_program_aware_jains_fairness_index',
  "[ALPHA] Jain's fairness index over average wait time across active programs.",
);
export const programWaitMilliseconds = defineGauge(
  'llm_d_epp_program_aware_avg_wait_time_milliseconds',
  '[ALPHA] Cumulative mean of flow-control queue wait time per program in milliseconds.',
  ['program_id'],
);
export const programServiceTokens = defineGauge(
  'llm_d_epp_program_aware_attained_service_tokens',
  '[ALPHA] Time-decayed attained service (weighted tokens consumed) per program.',
  ['program_id'],
);

/** Every metric of the plugins in this package. */
export const schedulerCoreMetrics: readonly MetricDefinition[] = [
  disaggDecisionTotal,
  pdDecisionTotal,
  pluginDurationSeconds,
  programFairnessIndex,
  programWaitMilliseconds,
  programServiceTokens,
];
