// SPDX-License-Identifier: Apache-2.0
import type { Counter } from '@llm-d/telemetry';
import { disaggDecisionTotal } from '../../metrics.ts';
import type { PluginContext } from '../../plugin-definition.ts';

/** Clients choose model names; beyond this many they count together. */
const MOST_MODELS = 1000;

/** Counts placed requests by model and by the stages that run apart. */
export function createDisaggregationCounter(
  pluginType: string,
  { name, telemetry }: PluginContext,
): (targetModel: string, stages: { encode: boolean; prefill: boolean }) => void {
  const models = new Set<string>();
  const counters = new Map<string, Counter>();
  return (targetModel, { encode, prefill }) => {
    if (models.size < MOST_MODELS) models.add(targetModel);
    const model = models.has(targetModel) ? targetModel : 'other';
    const decision = `${encode ? 'encode-' : ''}${prefill ? 'prefill-' : ''}decode`;
    const key = `${decision} ${model}`;
    let counter = counters.get(key);
    if (counter === undefined) {
      counter = telemetry.metrics.counter(disaggDecisionTotal, {
        plugin_name: name,
        plugin_type: pluginType,
        model_name: model,
        decision_type: decision === 'decode' ? 'decode-only' : decision,
      });
      counters.set(key, counter);
    }
    counter.inc();
  };
}
