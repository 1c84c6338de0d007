// SPDX-License-Identifier: Apache-2.0
import { defineCounter, defineGauge, type MetricDefinition } from '@llm-d/telemetry';

export const disaggDecisionTotal = defineCounter(
  'llm_d_epp_disagg_decision_total',
  '[ALPHA] Placed requests by the stages that run on endpoints of their own.',
  ['plugin_name', 'plugin_type', 'model_name', 'decision_type'],
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
  programFairnessIndex,
  programWaitMilliseconds,
  programServiceTokens,
];
