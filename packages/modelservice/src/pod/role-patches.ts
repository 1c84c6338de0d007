// SPDX-License-Identifier: Apache-2.0
import { isObject, objectAt, type JsonObject } from '../json.ts';
import { mergeAll, strategicMerge } from '../merge/strategic-merge.ts';
import type { RoleSettings } from '../settings/settings.ts';
import type { PodTemplate } from './pod.ts';

/** Placement, metadata and the patch of a role, laid over a template. */
export function withRolePatches(template: PodTemplate, role: RoleSettings): PodTemplate {
  const { labels, annotations, nodeSelector, affinity, tolerations } = role.spec;
  const placed = mergeAll(
    template,
    {
      metadata: { ...(labels && { labels }), ...(annotations && { annotations }) },
      spec: {
        ...(nodeSelector && { nodeSelector }),
        ...(affinity && { affinity }),
        ...(tolerations && { tolerations }),
      },
    },
    acceleratorAffinity(role),
  );
  return strategicMerge(placed, engineNamed(role.spec.template ?? {}, role.engineContainer));
}

/** Nodes whose label names one of the accelerators. */
function acceleratorAffinity({
  spec: { acceleratorTypes: types, affinity },
}: RoleSettings): PodTemplate {
  if (types === undefined) return {};
  const expression = { key: types.labelKey, operator: 'In', values: types.labelValues };
  const node = objectAt(affinity, 'nodeAffinity');
  const required = objectAt(node, 'requiredDuringSchedulingIgnoredDuringExecution');
  const terms: unknown = required['nodeSelectorTerms'];
  const before: readonly unknown[] = Array.isArray(terms) && terms.length > 0 ? terms : [{}];
  // Terms are alternatives, so each of them must hold the condition.
  const nodeSelectorTerms = before.map((term) => {
    const own: unknown = isObject(term) ? term['matchExpressions'] : undefined;
    const expressions: readonly unknown[] = Array.isArray(own) ? own : [];
    return { ...(isObject(term) && term), matchExpressions: [...expressions, expression] };
  });
  return {
    spec: {
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
      },
    },
  };
}

/** A patch in which `$engine` stands for the container that runs the model. */
export function engineNamed(patch: JsonObject, engineContainer: string): JsonObject {
  const spec = objectAt(patch, 'spec');
  const containers = spec['containers'];
  if (!Array.isArray(containers)) return patch;
  const named = containers.map((container: unknown) =>
    isObject(container) && container['name'] === '$engine'
      ? { ...container, name: engineContainer }
      : container,
  );
  return { ...patch, spec: { ...spec, containers: named } };
}
