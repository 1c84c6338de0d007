// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import { Refusal } from '../refusal.ts';
import {
  both,
  isWithin,
  join,
  printed,
  union,
  without,
  withParents,
  type FieldPath,
  type FieldSet,
} from './field-set.ts';
import {
  isSameManager,
  withOwnership,
  type Manager,
  type Managers,
  type Ownership,
} from './managers.ts';
import { merged, ownedOf, partsOf, removed } from './merging.ts';
import type { MergeSchema } from './merge-schema.ts';

/** A write as far as it matters to who owns what. */
export interface OwnedWrite {
  /** The object as it was; undefined where it is new. */
  readonly live: KubeObject | undefined;
  readonly managers: Managers;
  readonly by: Manager;
  readonly schema: MergeSchema;
  /** RFC 3339. */
  readonly now: string;
}

/** Who owns what after somebody has written `next`: they own what they changed, and nobody else does. */
export function afterUpdate(write: OwnedWrite, next: KubeObject): Managers {
  const { managers, by, now } = write;
  const change = changeOf(write, next);
  const own = managers.find((other) => isSameManager(other, by))?.fields ?? new Set<FieldPath>();
  const fields = union(without(own, change.removed), change.set);
  const others = managers
    .filter((other) => !isSameManager(other, by))
    .map((other) => ({
      ...other,
      fields: without(other.fields, union(change.set, change.removed)),
    }));
  const isUnchanged = change.set.size === 0 && change.removed.size === 0;
  return isUnchanged ? managers : withOwnership(others, by, { fields, time: now });
}

/** What an applied configuration makes of an object. */
export interface Applied {
  readonly object: KubeObject;
  readonly managers: Managers;
}

/**
 * Server-side apply: the object has what the configuration says, and no longer what its applier said before and nobody
 * else owns. Throws a `Refusal` where others own what it changes, unless it is forced.
 */
export function applied(
  write: OwnedWrite,
  config: KubeObject,
  { force }: { readonly force: boolean },
): Applied {
  const { live, managers, by, schema, now } = write;
  const before = managers.find((other) => isSameManager(other, by));
  const fields = ownFieldsOf(config, by, schema);
  const all = withOwnership(managers, by, { fields, time: now });
  const full = merged(live, config, schema);
  const kept = withParents(union(...all.map((other) => other.fields)));
  // Nobody owns an object's identity, so nobody's going takes it away.
  kept.add('f:metadata');
  const gone = without(withParents(before?.fields ?? new Set()), kept);
  // An object keeps its metadata.
  const object = removed(full, gone, schema) as KubeObject;
  const change = changeOf(write, object);
  const conflicts = all
    .filter((other) => !isSameManager(other, by))
    .map((other) => ({ other, paths: both(other.fields, change.set) }))
    .filter(({ paths }) => paths.size > 0);
  if (conflicts.length > 0 && !force) throw conflictOf(conflicts);
  return {
    object,
    managers: all.map((other) =>
      isSameManager(other, by)
        ? other
        : { ...other, fields: without(other.fields, union(change.set, change.removed)) },
    ),
  };
}

interface FieldChange {
  /** What is new or another value. */
  readonly set: FieldSet;
  /** What is no longer there, values and what held them. */
  readonly removed: FieldSet;
}

function changeOf({ live, schema }: OwnedWrite, next: KubeObject): FieldChange {
  const before = partsOf(live ?? {}, schema);
  const after = partsOf(next, schema);
  const set = [...after]
    .filter(([path, part]) => part.owned && before.get(path)?.text !== part.text)
    .map(([path]) => path);
  const gone = [...before.keys()].filter((path) => !after.has(path));
  return { set: ownable(set), removed: ownable(gone) };
}

/** What the server itself decides belongs to nobody. */
const unowned: readonly FieldPath[] = [
  'f:apiVersion',
  'f:kind',
  ...[
    'name',
    'namespace',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'managedFields',
    'selfLink',
  ].map((name) => join('f:metadata', `f:${name}`)),
];

const ownable = (paths: Iterable<FieldPath>): Set<FieldPath> =>
  new Set([...paths].filter((path) => !unowned.some((outer) => isWithin(path, outer))));

const ownFieldsOf = (config: KubeObject, by: Manager, schema: MergeSchema): Set<FieldPath> =>
  new Set(
    [...ownable(ownedOf(config, schema))].filter(
      (path) => isWithin(path, 'f:status') === (by.subresource === 'status'),
    ),
  );

function conflictOf(
  conflicts: readonly { readonly other: Ownership; readonly paths: FieldSet }[],
): Refusal {
  const causes = conflicts.flatMap(({ other, paths }) =>
    [...paths].sort().map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${nameOf(other)}`,
      field: printed(path),
    })),
  );
  const [only] = causes;
  const text =
    causes.length === 1
      ? `1 conflict: ${only?.message ?? ''}: ${only?.field ?? ''}`
      : `${causes.length} conflicts: ${conflicts
          .map(({ other, paths }) => {
            const fields = [...paths].sort().map((path) => `\n- ${printed(path)}`);
            return `conflicts with ${nameOf(other)}:${fields.join('')}`;
          })
          .join('\n')}`;
  return new Refusal(409, 'Conflict', `Apply failed with ${text}`, { causes });
}

/** As an API server names a manager in a conflict. */
function nameOf({ manager, operation, apiVersion, subresource, time }: Ownership): string {
  const name =
    JSON.stringify(manager) +
    (subresource === undefined ? '' : ` with subresource "${subresource}"`);
  return operation === 'Apply' ? name : `${name} using ${apiVersion} at ${time}`;
}
