// SPDX-License-Identifier: Apache-2.0
import { defineCounter, type MetricDefinition } from '@llm-d/telemetry';

export const disaggDecisionTotal = defineCounter(
  'llm_d_epp_disagg_decision_total',
  '[ALPHA] Placed requests by the stages that run on endpoints of their own.',
  ['plugin_name', 'plugin_type', 'model_name', 'decision_type'],
);

/** Every metric of the plugins in this package. */
export const schedulerCoreMetrics: readonly MetricDefinition[] = [disaggDecisionTotal];
