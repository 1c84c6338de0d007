// SPDX-License-Identifier: Apache-2.0
import { admit, modelServices, type ModelService, type ModelServiceSpec } from '@llm-d/crd-types';
import type { Findings } from '../findings.ts';
import { isObject, objectAt, type JsonObject } from '../json.ts';
import { strategicMerge } from '../merge/strategic-merge.ts';
import { presets } from './presets.ts';

/** The spec of a ModelService laid over its preset, or undefined with a problem. */
export function applyPreset(
  service: ModelService,
  findings: Findings,
): ModelServiceSpec | undefined {
  const { preset } = service.spec;
  const chosen = preset === undefined ? undefined : presets.get(preset);
  if (preset !== undefined && chosen === undefined) {
    findings.problem('spec.preset', `must be one of ${[...presets.keys()].join(', ')}`);
    return undefined;
  }
  const base = chosen?.spec ?? {};
  // A spec is JSON; its type says which fields it has.
  const given = service.spec as unknown as JsonObject;
  const spec = mergeSpec(base, given);
  const admission = admit(modelServices, { ...service, status: undefined, spec });
  if (admission.admitted) return admission.object.spec;
  for (const { path, message } of admission.problems) findings.problem(path, message);
  return undefined;
}

/** Lists of arguments are one value to a merge; here those of both are kept, the author's first. */
function mergeSpec(base: JsonObject, given: JsonObject): JsonObject {
  const merged = strategicMerge(base, given);
  return Object.fromEntries(
    Object.entries(merged).map(([name, value]) =>
      name === 'decode' || name === 'prefill'
        ? [name, withArgsOfBoth(value, objectAt(base, name), objectAt(given, name))]
        : [name, value],
    ),
  );
}

function withArgsOfBoth(merged: unknown, base: JsonObject, given: JsonObject): unknown {
  const args = [given['args'], base['args']].flatMap((list: unknown): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  return isObject(merged) && args.length > 0 ? { ...merged, args } : merged;
}
