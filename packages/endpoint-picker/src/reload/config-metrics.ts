// SPDX-License-Identifier: Apache-2.0
import { defineCounter, defineGauge, type MetricDefinition } from '@llm-d/telemetry';

export const configGeneration = defineGauge(
  'llm_d_epp_config_generation',
  '[ALPHA] Number of the configuration in force: 1 at the start, one more with each that replaced another.',
);
export const configReloadsTotal = defineCounter(
  'llm_d_epp_config_reloads_total',
  '[ALPHA] Changes of the configuration file by what came of them: applied, unchanged (nothing runs differently), invalid, or refused because it needs a restart.',
  ['result'],
);
export const configLastReloadSuccess = defineGauge(
  'llm_d_epp_config_last_reload_success_timestamp_seconds',
  '[ALPHA] Time at which the configuration in force was loaded, in seconds since the Unix epoch.',
);

/** What is measured of the configuration. */
export const configMetrics: readonly MetricDefinition[] = [
  configGeneration,
  configReloadsTotal,
  configLastReloadSuccess,
];
