// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ResourceType } from '@llm-d/crd-types';
import { mergePatch } from './merge-patch.ts';
import { badRequest, conflict, notFound, Refusal } from './refusal.ts';
import type { Route } from './routing.ts';
import type { VersionedStore } from './versioned-store.ts';

/** What writes need. */
export interface WriteContext {
  readonly store: VersionedStore;
  readonly collection: string;
  readonly type: ResourceType;
  readonly route: Route;
  /** RFC 3339. */
  readonly now: string;
}

type Stored = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

/** Stores a new object, without a status: that is a subresource. */
export function create(context: WriteContext, body: unknown): KubeObject {
  const { status: _, ...given } = objectIn(context, body);
  const { name } = given.metadata;
  const key = keyOf(given.metadata);
  if (context.store.get(context.collection, key) !== undefined) {
    throw new Refusal(409, 'AlreadyExists', `${context.type.plural} "${name}" already exists`);
  }
  return keep(context, key, {
    ...given,
    metadata: {
      ...given.metadata,
      uid: crypto.randomUUID(),
      creationTimestamp: context.now,
      generation: 1,
    },
  });
}

/** Replaces an object, or its status only. */
export function update(context: WriteContext, body: unknown): KubeObject {
  const given = objectIn(context, body);
  const current = existing(context, given.metadata);
  const wanted = given.metadata.resourceVersion;
  if (wanted !== undefined && wanted !== current.metadata.resourceVersion) {
    throw conflict(`${context.type.plural} "${given.metadata.name}"`);
  }
  return replace(context, current, given);
}

/**
 * Merges into an object. An applied configuration is merged too, and creates what is not there: who owns which field is not
 * kept, so nothing ever conflicts and fields that are no longer applied stay.
 */
export function patch(context: WriteContext, body: unknown, contentType: string): KubeObject {
  const { namespace, name = '' } = context.route;
  const key = keyOf({ name, ...(namespace !== undefined && { namespace }) });
  const current = context.store.get(context.collection, key);
  if (contentType === 'application/apply-patch+yaml') {
    if (!context.route.query.has('fieldManager')) throw badRequest('fieldManager is required');
    if (current === undefined) return create(context, body);
  } else if (contentType !== 'application/merge-patch+json') {
    throw new Refusal(415, 'UnsupportedMediaType', `${contentType} is not understood`);
  }
  if (current === undefined) throw notFound(`${context.type.plural} "${name}"`);
  return update(context, mergePatch(current, body));
}

/** Deletes an object, or marks it where somebody has something to do first. */
export function remove(context: WriteContext, body: unknown): KubeObject {
  const { namespace, name = '' } = context.route;
  const current = existing(context, { name, ...(namespace !== undefined && { namespace }) });
  const { uid, resourceVersion, deletionTimestamp, finalizers = [] } = current.metadata;
  const { preconditions: wanted } = (body ?? {}) as {
    preconditions?: { uid?: string; resourceVersion?: string };
  };
  if (
    (wanted?.uid !== undefined && wanted.uid !== uid) ||
    (wanted?.resourceVersion !== undefined && wanted.resourceVersion !== resourceVersion)
  ) {
    throw conflict(`${context.type.plural} "${name}"`);
  }
  const key = keyOf(current.metadata);
  if (finalizers.length === 0) {
    if (isDryRun(context)) return current;
    return context.store.remove(context.collection, key) ?? current;
  }
  if (deletionTimestamp !== undefined) return current;
  const metadata = { ...current.metadata, deletionTimestamp: context.now };
  return keep(context, key, { ...current, metadata });
}

function replace(context: WriteContext, current: Stored, given: Stored): KubeObject {
  const { status: toStatus } = context.route;
  const { uid, creationTimestamp, deletionTimestamp, generation = 1 } = current.metadata;
  const fixed = {
    ...(uid !== undefined && { uid }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  };
  const key = keyOf(current.metadata);
  if (toStatus) {
    const { status: _, ...rest } = current;
    const next = { ...rest, ...(given.status !== undefined && { status: given.status }) };
    return isEqual(next, current) ? current : keep(context, key, next);
  }
  const { status: _, ...rest } = given;
  const changed = !isEqual(withoutMetadata(given), withoutMetadata(current));
  const next: Stored = {
    ...rest,
    ...(current.status !== undefined && { status: current.status }),
    metadata: { ...given.metadata, ...fixed, generation: generation + (changed ? 1 : 0) },
  };
  const { resourceVersion } = current.metadata;
  const same = { ...next, metadata: { ...next.metadata, resourceVersion } };
  if (isEqual(same, current)) return current;
  const isLast = deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0;
  if (!isLast || isDryRun(context)) return keep(context, key, next);
  context.store.write(context.collection, key, next);
  return context.store.remove(context.collection, key) ?? next;
}

const withoutMetadata = ({ metadata: _, status: _status, ...rest }: Stored): object => rest;

const keep = (context: WriteContext, key: string, object: KubeObject): KubeObject =>
  isDryRun(context) ? object : context.store.write(context.collection, key, object);

const isDryRun = ({ route }: WriteContext): boolean => route.query.get('dryRun') === 'All';

function existing(
  context: WriteContext,
  key: { readonly name: string; readonly namespace?: string },
): Stored {
  const object = context.store.get(context.collection, keyOf(key));
  if (object === undefined) throw notFound(`${context.type.plural} "${key.name}"`);
  return object;
}

/** The object of a body, with what the path says about it. */
function objectIn({ type, route }: WriteContext, body: unknown): Stored {
  if (typeof body !== 'object' || body === null) throw badRequest('the body is not an object');
  const { metadata, ...rest } = body as Partial<Stored>;
  const { managedFields: _, ...known } = metadata ?? { name: '' };
  if (known.name === '' || (route.name !== undefined && route.name !== known.name)) {
    throw badRequest('the name of the object is missing or not that of the path');
  }
  if (known.namespace !== undefined && known.namespace !== route.namespace) {
    throw badRequest('the namespace of the object is not that of the path');
  }
  return {
    ...rest,
    apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}`,
    kind: type.kind,
    metadata: { ...known, ...(route.namespace !== undefined && { namespace: route.namespace }) },
  };
}

/** The name of an object within its collection. */
export const keyOf = ({
  name,
  namespace = '',
}: {
  readonly name: string;
  readonly namespace?: string;
}): string => `${namespace}/${name}`;

/** Both come from JSON, or were made from such. */
function isEqual(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([x], [y]) => (x < y ? -1 : 1)))
      : field,
  );
