// SPDX-License-Identifier: Apache-2.0
import type { Random } from '@llm-d/determinism';
import {
  drawTarget,
  mergeRewrites,
  type ModelRewrite,
  type RewriteTable,
} from './model-rewrite.ts';

/** What an installation has said about requests: plain data, as discovery finds it. */
export interface PolicySources {
  /** Priorities of the objectives by name. Default none. */
  readonly objectives?: ReadonlyMap<string, number>;
  /** Default none. */
  readonly rewrites?: readonly ModelRewrite[];
}

/** The policies that one request is handled by; never changes. */
export interface RequestPolicies {
  /** Priority of an objective by its name; 0 for one that is not known, and without a name. */
  priorityOf(objective: string | undefined): number;
  /** The rule for the model a client named; `''` where it named none. */
  readonly rewriteOf: RewriteTable;
}

/** Where the policies of the moment are. A request takes them once and keeps them. */
export interface RequestPolicyHolder {
  current(): RequestPolicies;
  /** Requests that come from now on are handled by these. */
  replace(sources: PolicySources): void;
}

/** A holder with no objectives and no rewrites, or with the given ones. */
export function createRequestPolicies(sources: PolicySources = {}): RequestPolicyHolder {
  let current = policiesOf(sources);
  return {
    current: () => current,
    replace: (next) => {
      current = policiesOf(next);
    },
  };
}

const NO_OBJECTIVES: ReadonlyMap<string, number> = new Map();

function policiesOf({ objectives = NO_OBJECTIVES, rewrites = [] }: PolicySources): RequestPolicies {
  return {
    priorityOf: (objective) => objectives.get(objective ?? '') ?? 0,
    rewriteOf: mergeRewrites(rewrites),
  };
}

/** Which model a request is for. */
export interface ModelResolution {
  /** What the client named; `''` for nothing. */
  readonly model: string;
  /** What the engine is asked for. */
  readonly targetModel: string;
  /** The InferenceModelRewrite that decided; undefined where none did. */
  readonly rewrite: string | undefined;
}

/**
 * Settles the model of a request: a rewrite rule for what its body names goes before what its header asks for, and that
 * before the body. Undefined where there is no model at all.
 */
export function resolveModel(
  named: { readonly body: string | undefined; readonly header: string | undefined },
  { policies, random }: { readonly policies: RequestPolicies; readonly random: Random },
): ModelResolution | undefined {
  const { body: model = '', header } = named;
  const rule = policies.rewriteOf(model);
  const drawn = rule && drawTarget(rule.targets, random);
  const targetModel = drawn ?? (header === undefined || header === '' ? model : header);
  return targetModel === ''
    ? undefined
    : { model, targetModel, rewrite: drawn === undefined ? undefined : rule?.rewrite };
}
