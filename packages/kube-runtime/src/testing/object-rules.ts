// SPDX-License-Identifier: Apache-2.0
import type { ResourceType } from '@llm-d/crd-types';

/** Kubernetes' own kinds whose objects have no generations. */
const withoutGenerations = new Set([
  'ConfigMap',
  'Secret',
  'Service',
  'ServiceAccount',
  'Namespace',
  'Node',
  'PersistentVolumeClaim',
  'Event',
  'Lease',
  'HorizontalPodAutoscaler',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'ClusterRoleBinding',
]);

/** Groups of Kubernetes itself; all others are of custom resources. */
const ownGroups = new Set([
  '',
  'apps',
  'autoscaling',
  'batch',
  'coordination.k8s.io',
  'events.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
]);

const isOwn = ({ group }: ResourceType): boolean => ownGroups.has(group);

/** Whether `metadata.generation` counts the changes of what is wanted. */
export const hasGenerations = (type: ResourceType): boolean =>
  !isOwn(type) || !withoutGenerations.has(type.kind);

/** Whether objects are replaced only by those who say which state they know. */
export const needsVersion = (type: ResourceType): boolean =>
  !isOwn(type) || type.kind === 'Lease' || type.kind === 'PodDisruptionBudget';

/** Letters and digits that make no words and are not mistaken for each other. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const LONGEST_PREFIX = 63 - SUFFIX_LENGTH;

/** A name that begins so and that nobody has. */
export function generatedName(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SUFFIX_LENGTH));
  const suffix = [...bytes].map((byte) => ALPHABET[byte % ALPHABET.length] ?? '');
  return prefix.slice(0, LONGEST_PREFIX) + suffix.join('');
}
