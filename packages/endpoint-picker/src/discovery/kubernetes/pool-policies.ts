// SPDX-License-Identifier: Apache-2.0
import type { ModelRewrite, RewriteRule } from '../../request/model-rewrite.ts';
import type { PolicySources } from '../../request/request-policies.ts';

/** A reference to a pool in the namespace of whoever refers to it. */
export interface DiscoveredPoolRef {
  readonly group?: string;
  readonly name: string;
}

/** What discovery reads of an InferenceObjective. */
export interface DiscoveredObjective {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly priority?: number; readonly poolRef?: DiscoveredPoolRef };
}

/** What discovery reads of an InferenceModelRewrite. */
export interface DiscoveredRewrite {
  readonly metadata: { readonly name: string; readonly creationTimestamp?: string };
  readonly spec?: {
    readonly poolRef?: DiscoveredPoolRef;
    readonly rules?: readonly {
      readonly matches?: readonly { readonly model?: { readonly value?: string } }[];
      readonly targets?: readonly { readonly modelRewrite: string; readonly weight?: number }[];
    }[];
  };
}

/** A pool as policies refer to it. */
export interface PoolKey {
  readonly group: string;
  readonly name: string;
}

/** Group of a reference that names none. */
const DEFAULT_GROUP = 'inference.networking.k8s.io';

/**
 * What the objects of a namespace say about the requests of one pool: those whose reference has its name and its group.
 * Others, and objects without a reference, say nothing about it.
 */
export function policySourcesOf(
  objects: {
    readonly objectives: readonly DiscoveredObjective[];
    readonly rewrites: readonly DiscoveredRewrite[];
  },
  pool: PoolKey,
): Required<PolicySources> {
  const isOurs = ({ spec }: { readonly spec?: { readonly poolRef?: DiscoveredPoolRef } }) =>
    spec?.poolRef?.name === pool.name && (spec.poolRef.group ?? DEFAULT_GROUP) === pool.group;
  return {
    objectives: new Map(
      objects.objectives
        .filter(isOurs)
        .map(({ metadata, spec }) => [metadata.name, spec?.priority ?? 0]),
    ),
    rewrites: objects.rewrites.filter(isOurs).map(rewriteOf),
  };
}

function rewriteOf({ metadata, spec }: DiscoveredRewrite): ModelRewrite {
  const createdAtEpochMs = Date.parse(metadata.creationTimestamp ?? '');
  return {
    name: metadata.name,
    // An object that has no age yet counts as the youngest.
    createdAtEpochMs: Number.isNaN(createdAtEpochMs) ? Number.MAX_SAFE_INTEGER : createdAtEpochMs,
    rules: (spec?.rules ?? []).flatMap(ruleOf),
  };
}

type DiscoveredRule = NonNullable<NonNullable<DiscoveredRewrite['spec']>['rules']>[number];

function ruleOf({ matches = [], targets = [] }: DiscoveredRule): RewriteRule[] {
  const models = matches.flatMap(({ model }) => model?.value ?? []);
  // Matches that name nothing must not turn into a rule for everything.
  if (matches.length > 0 && models.length === 0) return [];
  return [
    {
      models,
      targets: targets.map(({ modelRewrite, weight }) => ({ model: modelRewrite, weight })),
    },
  ];
}
