// SPDX-License-Identifier: Apache-2.0
import type { JsonObject, RenderedObject } from '../json.ts';
import type { RoleSettings, Settings } from '../settings/settings.ts';

/**
 * How many engines of a role may be evicted at once. Kubernetes counts pods, and an engine of several pods is lost with
 * the first of them: numbers of engines become numbers of pods such that another engine is touched only when the ones
 * that are away have come back.
 */
export function disruptionBudgetOf(
  settings: Settings,
  { role, spec, parallelism, workload }: RoleSettings,
): RenderedObject | undefined {
  // A BaseConfig says what there is; beside it only what the ModelService asks for.
  const usual = settings.baseConfig === undefined;
  const { enabled = usual, minAvailable, maxUnavailable = 1 } = spec.pdb ?? {};
  if (!enabled) return undefined;
  const size = parallelism.workers;
  const limit: JsonObject =
    minAvailable === undefined
      ? { maxUnavailable: unavailablePods(maxUnavailable, size) }
      : { minAvailable: availablePods(minAvailable, size) };
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: workload.name, labels: settings.labels.object },
    spec: {
      ...limit,
      selector: { matchLabels: settings.labels.selector(role) },
      // A pod that never became ready protects nobody.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
}

/** Endpoint pickers that stand in for each other leave one at a time. */
export function pickerBudgetOf({ spec, names, labels }: Settings): RenderedObject | undefined {
  if ((spec.endpointPicker?.replicas ?? 1) < 2) return undefined;
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: names.epp, labels: labels.object },
    spec: { maxUnavailable: 1, selector: { matchLabels: labels.epp } },
  };
}

/** With all pods of n - 1 engines away, one more pod may go, which is the n-th engine. */
const unavailablePods = (engines: number | string, size: number): number | string => {
  if (typeof engines === 'string') return engines;
  return engines === 0 ? 0 : (engines - 1) * size + 1;
};

const availablePods = (engines: number | string, size: number): number | string =>
  typeof engines === 'string' ? engines : engines * size;
