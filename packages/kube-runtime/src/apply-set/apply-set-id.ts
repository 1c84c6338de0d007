// SPDX-License-Identifier: Apache-2.0
import type { ResourceType } from '@llm-d/crd-types';
import { createHash } from 'node:crypto';
import type { ObjectKey } from '../client/resource-path.ts';

/** Labels and annotations of the apply set specification (KEP-3659). */
export const applySetKeys = {
  /** Label of a parent: the id of its set. */
  id: 'applyset.kubernetes.io/id',
  /** Label of a member: the id of the set it is in. */
  partOf: 'applyset.kubernetes.io/part-of',
  /** Annotation of a parent: who manages the set, as `name/version`. */
  tooling: 'applyset.kubernetes.io/tooling',
  /** Annotation of a parent: kinds that members may have, as `Kind.group` with commas between. */
  kinds: 'applyset.kubernetes.io/contains-group-kinds',
} as const;

/** The id of the apply set of a parent, as every tool that follows the specification computes it. */
export function applySetId(
  { kind, group }: Pick<ResourceType, 'kind' | 'group'>,
  { name, namespace = '' }: ObjectKey,
): string {
  const hash = createHash('sha256').update([name, namespace, kind, group].join('.'));
  return `applyset-${hash.digest('base64url')}-v1`;
}

/** A kind as the annotation names it: `Deployment.apps`, `ConfigMap`. */
export const groupKindOf = ({ kind, group }: Pick<ResourceType, 'kind' | 'group'>): string =>
  group === '' ? kind : `${kind}.${group}`;

/** Reads the annotation; an absent one is empty. */
export const readKinds = (text: string | undefined): Set<string> =>
  new Set((text ?? '').split(',').filter((kind) => kind !== ''));

/** Writes the annotation: sorted, so that the same kinds are the same text. */
export const writeKinds = (kinds: Iterable<string>): string => [...new Set(kinds)].sort().join(',');
