// SPDX-License-Identifier: Apache-2.0
import {
  apiVersionOf,
  type KubeObject,
  type OwnerReference,
  type ResourceType,
} from '@llm-d/crd-types';
import type { StoredEvent, VersionedStore } from './versioned-store.ts';
import { keyOf } from './writes.ts';

export interface GarbageContext {
  readonly store: VersionedStore;
  /** Types that are served. What somebody of another type owns is left alone. */
  readonly types: readonly ResourceType[];
  readonly collectionOf: (type: ResourceType) => string;
  /** RFC 3339. */
  readonly now: string;
}

interface Located {
  readonly collection: string;
  readonly object: KubeObject;
}

/** Whether a change may have left something to collect. */
export const makesGarbage = (
  { kind, object }: StoredEvent,
  types: readonly ResourceType[],
): boolean =>
  kind === 'deleted' ||
  object.metadata.deletionTimestamp !== undefined ||
  ownersOf(object).some((owner) => isServed({ types }, owner));

/**
 * Does what the garbage collector of Kubernetes does, until nothing is left to do: deletes what nobody owns any more and
 * what somebody owns who waits for that, and lets go of what is to outlive its owner.
 */
export function collectGarbage(context: GarbageContext): void {
  // Every step deletes or releases something, so there is a last one.
  while (isSomethingDone(context));
}

function isSomethingDone(context: GarbageContext): boolean {
  const all = context.types.flatMap((type) => {
    const collection = context.collectionOf(type);
    return context.store.list(collection).map((object) => ({ collection, object }));
  });
  return all.some((one) => tidy(context, one, all));
}

/** Does the next thing that an object needs; false where it needs nothing. */
function tidy(context: GarbageContext, one: Located, all: readonly Located[]): boolean {
  const { deletionTimestamp, finalizers = [], uid } = one.object.metadata;
  if (deletionTimestamp === undefined) return leaveOwners(context, one, all);
  const dependents = dependentsOf(one, all);
  if (finalizers.includes('orphan')) {
    for (const dependent of dependents) release(context, dependent, [uid]);
    return finalize(context, one, 'orphan');
  }
  if (!finalizers.includes('foregroundDeletion')) return false;
  const next = dependents.find(({ object }) => object.metadata.deletionTimestamp === undefined);
  if (next !== undefined) {
    return discard(context, next, dependentsOf(next, all).length > 0 ? ['foregroundDeletion'] : []);
  }
  const blocks = ({ object }: Located): boolean =>
    ownersOf(object).some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true);
  return !dependents.some(blocks) && finalize(context, one, 'foregroundDeletion');
}

/** Deletes an object whose owners are all gone, and has one that has others forget those. */
function leaveOwners(context: GarbageContext, one: Located, all: readonly Located[]): boolean {
  const owners = ownersOf(one.object);
  const gone = owners.filter((owner) => isServed(context, owner) && !isThere(owner, all));
  if (gone.length === 0) return false;
  if (gone.length === owners.length) return discard(context, one, []);
  return release(
    context,
    one,
    gone.map(({ uid }) => uid),
  );
}

const isServed = (
  { types }: Pick<GarbageContext, 'types'>,
  { apiVersion, kind }: OwnerReference,
): boolean => types.some((type) => type.kind === kind && apiVersionOf(type) === apiVersion);

const isThere = ({ uid }: OwnerReference, all: readonly Located[]): boolean =>
  all.some(({ object }) => object.metadata.uid === uid);

const dependentsOf = ({ object }: Located, all: readonly Located[]): readonly Located[] =>
  all.filter((other) => ownersOf(other.object).some(({ uid }) => uid === object.metadata.uid));

const ownersOf = ({ metadata }: KubeObject): readonly OwnerReference[] =>
  metadata.ownerReferences ?? [];

function discard(
  { store, now }: GarbageContext,
  { collection, object }: Located,
  added: readonly string[],
): true {
  const finalizers = [...(object.metadata.finalizers ?? []), ...added];
  const key = keyOf(object.metadata);
  if (finalizers.length === 0) store.remove(collection, key);
  else {
    const metadata = { ...object.metadata, finalizers, deletionTimestamp: now };
    store.write(collection, key, { ...object, metadata });
  }
  return true;
}

function release(
  { store }: GarbageContext,
  { collection, object }: Located,
  uids: readonly (string | undefined)[],
): true {
  const left = ownersOf(object).filter(({ uid }) => !uids.includes(uid));
  const { ownerReferences: _, ...metadata } = object.metadata;
  store.write(collection, keyOf(metadata), {
    ...object,
    metadata: { ...metadata, ...(left.length > 0 && { ownerReferences: left }) },
  });
  return true;
}

function finalize({ store }: GarbageContext, { collection, object }: Located, name: string): true {
  const finalizers = (object.metadata.finalizers ?? []).filter((other) => other !== name);
  const key = keyOf(object.metadata);
  const metadata = { ...object.metadata, finalizers };
  if (finalizers.length === 0) store.remove(collection, key);
  else store.write(collection, key, { ...object, metadata });
  return true;
}
