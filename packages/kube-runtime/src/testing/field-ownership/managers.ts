// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import { fromFieldsV1, isSameSet, toFieldsV1, type FieldPath } from './field-set.ts';

/** Somebody who writes objects, as managed fields tell them apart. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: 'status' | undefined;
}

/** What a manager owns of an object. */
export interface Ownership extends Manager {
  /** When that last changed, RFC 3339. */
  readonly time: string;
  readonly fields: Set<FieldPath>;
}

/** Who owns what of an object. */
export type Managers = readonly Ownership[];

/** An entry of `metadata.managedFields`. */
interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: 'Apply' | 'Update';
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: object;
  readonly subresource?: string;
}

export function managersOf({ metadata }: KubeObject): Managers {
  // Only the fake has written them.
  const entries = (metadata.managedFields ?? []) as readonly ManagedFieldsEntry[];
  return entries.map((entry) => ({
    manager: entry.manager ?? '',
    operation: entry.operation ?? 'Update',
    apiVersion: entry.apiVersion ?? '',
    subresource: entry.subresource === 'status' ? 'status' : undefined,
    time: entry.time ?? '',
    fields: fromFieldsV1(entry.fieldsV1 ?? {}),
  }));
}

/** `metadata.managedFields`; appliers come first, and whoever owns nothing is not mentioned. */
export const managedFieldsOf = (managers: Managers): readonly object[] =>
  managers
    .filter(({ fields }) => fields.size > 0)
    .sort((a, b) => compare(sortKey(a), sortKey(b)))
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(fields),
      ...(subresource !== undefined && { subresource }),
    }));

const sortKey = ({ operation, time, manager, apiVersion, subresource }: Ownership): string =>
  [operation, time, manager, apiVersion, subresource ?? ''].join('\u0000');

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Whether both are the same. An applier stays the same when it applies another version. */
export const isSameManager = (a: Manager, b: Manager): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  a.subresource === b.subresource &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion);

export const isSameOwnership = (before: Managers, after: Managers): boolean => {
  const owning = (managers: Managers) => managers.filter(({ fields }) => fields.size > 0);
  const [a, b] = [owning(before), owning(after)];
  return (
    a.length === b.length &&
    a.every((one) =>
      b.some((other) => isSameManager(one, other) && isSameSet(one.fields, other.fields)),
    )
  );
};

/** Sets what one of them owns. */
export const withOwnership = (
  managers: Managers,
  manager: Manager,
  { fields, time }: Pick<Ownership, 'fields' | 'time'>,
): Managers => [
  ...managers.filter((other) => !isSameManager(other, manager)),
  { ...manager, fields, time },
];
