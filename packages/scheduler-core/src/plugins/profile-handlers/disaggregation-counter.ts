// SPDX-License-Identifier: Apache-2.0
import type { Counter } from '@llm-d/telemetry';
import { disaggDecisionTotal, pdDecisionTotal } from '../../metrics.ts';
import type { PluginContext } from '../../plugin-definition.ts';

/** Clients choose model names; beyond this many they count together. */
const MOST_MODELS = 1000;

/** What the handler without encoders is called; its decisions have a metric of their own besides. */
const PD_HANDLER = 'pd-profile-handler';

/** Counts placed requests by model and by the stages that run apart. */
export function createDisaggregationCounter(
  pluginType: string,
  { name, telemetry }: PluginContext,
): (targetModel: string, stages: { encode: boolean; prefill: boolean }) => void {
  const models = new Set<string>();
  const definitions =
    pluginType === PD_HANDLER ? [disaggDecisionTotal, pdDecisionTotal] : [disaggDecisionTotal];
  const counters = new Map<string, readonly Counter[]>();
  return (targetModel, { encode, prefill }) => {
    if (models.size < MOST_MODELS) models.add(targetModel);
    const model = models.has(targetModel) ? targetModel : 'other';
    const decision = `${encode ? 'encode-' : ''}${prefill ? 'prefill-' : ''}decode`;
    const key = `${decision} ${model}`;
    let found = counters.get(key);
    if (found === undefined) {
      const labels = {
        plugin_name: name,
        plugin_type: pluginType,
        model_name: model === '' ? 'unknown' : model,
        decision_type: decision === 'decode' ? 'decode-only' : decision,
      };
      found = definitions.map((definition) => telemetry.metrics.counter(definition, labels));
      counters.set(key, found);
    }
    for (const counter of found) counter.inc();
  };
}
