// SPDX-License-Identifier: Apache-2.0
import type { RenderedObject } from '../json.ts';
import { childName } from '../names.ts';
import type { Settings } from '../settings/settings.ts';

/**
 * Objectives and rewrites of a ModelService, for its pool. Clients call an objective by its name, so an objective keeps
 * it; a rewrite is nobody's address and belongs to the ModelService by its own.
 */
export function objectivesOf({ spec, name, names, labels }: Settings): readonly RenderedObject[] {
  const poolRef = {
    group: 'inference.networking.k8s.io',
    kind: 'InferencePool',
    name: names.pool,
  };
  const objectives = (spec.objectives ?? []).map(
    ({ name: objective, priority }): RenderedObject => ({
      apiVersion: 'llm-d.ai/v1alpha2',
      kind: 'InferenceObjective',
      metadata: { name: objective, labels: labels.object },
      spec: { ...(priority !== undefined && { priority }), poolRef },
    }),
  );
  const rewrites = (spec.rewrites ?? []).map(({ name: rewrite, rules }): RenderedObject => ({
    apiVersion: 'llm-d.ai/v1alpha2',
    kind: 'InferenceModelRewrite',
    metadata: { name: childName(name, `-${rewrite}`), labels: labels.object },
    spec: { poolRef, rules },
  }));
  return [...objectives, ...rewrites];
}
