// SPDX-License-Identifier: Apache-2.0
import { KubeApiError } from '../errors.ts';

/** Why what a reflector knows may be old. */
export type DegradedReason =
  /** We may not list or watch these objects: permission is missing. */
  | 'forbidden'
  /** The API server has no such type: its CustomResourceDefinition is missing. */
  | 'missing'
  /** The API server does not know us. */
  | 'unauthorized'
  /** No answer. */
  | 'unreachable'
  /** Answers that are of no use. */
  | 'failing';

/** How well a reflector follows its collection. */
export type ReflectorState =
  /** The first list is not complete yet. */
  | { readonly kind: 'syncing' }
  /** Everything is known, and changes arrive. */
  | { readonly kind: 'synced' }
  /** What is known may be old, or incomplete when nothing was ever synced. Attempts go on. */
  | {
      readonly kind: 'degraded';
      readonly reason: DegradedReason;
      /** On the reflector's clock. */
      readonly sinceMs: number;
      readonly error: Error;
    };

/** What an error of a list or a watch means for the collection. */
export function degradedReason(error: unknown): DegradedReason {
  if (!(error instanceof KubeApiError)) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'KUBE_UNREACHABLE' || code === 'KUBE_TIMEOUT' ? 'unreachable' : 'failing';
  }
  switch (error.status) {
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'missing';
    default:
      return 'failing';
  }
}

/** Whether only somebody's doing, such as installing a CRD, changes anything. */
export const isForSomebody = (reason: DegradedReason): boolean =>
  reason === 'forbidden' || reason === 'missing';
