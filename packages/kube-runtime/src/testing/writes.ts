// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type KubeObject, type ResourceType } from '@llm-d/crd-types';
import { isEqual } from './field-ownership/canonical.ts';
import { afterUpdate, applied, type OwnedWrite } from './field-ownership/field-ownership.ts';
import {
  isSameOwnership,
  managedFieldsOf,
  managersOf,
  type Manager,
  type Managers,
} from './field-ownership/managers.ts';
import { mergeSchemaOf } from './field-ownership/merge-schema.ts';
import { mergePatch } from './merge-patch.ts';
import { generatedName, hasGenerations, needsVersion } from './object-rules.ts';
import { badRequest, conflict, invalid, notFound, Refusal } from './refusal.ts';
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

/** Who an API server says has written what was there before it kept such records. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

/** Stores a new object, without a status: that is a subresource. */
export function create(context: WriteContext, body: unknown): KubeObject {
  const { status: _, ...given } = objectIn(context, body);
  const object = newborn(context, given);
  const write = { ...ownedWrite(context, undefined, 'Update'), managers: [] };
  return keep(context, object, afterUpdate(write, object));
}

/** Replaces an object, or its status only. */
export function update(context: WriteContext, body: unknown): KubeObject {
  const given = objectIn(context, body);
  const current = existing(context, given.metadata);
  if (given.metadata.resourceVersion === undefined && needsVersion(context.type)) {
    throw invalid('metadata.resourceVersion: Invalid value: 0x0: must be specified for an update');
  }
  return replace(context, current, given);
}

/** Merges into an object, or applies a configuration to it. */
export function patch(context: WriteContext, body: unknown, contentType: string): KubeObject {
  if (contentType === 'application/apply-patch+yaml') return apply(context, body);
  if (contentType !== 'application/merge-patch+json') {
    throw new Refusal(415, 'UnsupportedMediaType', `${contentType} is not understood`);
  }
  const current = existing(context, routeKey(context.route));
  return replace(context, current, objectIn(context, mergePatch(current, body)));
}

/** Applies a configuration, which creates what is not there. */
function apply(context: WriteContext, body: unknown): KubeObject {
  const { route, type } = context;
  if (!route.query.has('fieldManager')) throw badRequest('PatchOptions: fieldManager is required');
  const { metadata: given = {} } = (body ?? {}) as {
    readonly metadata?: { managedFields?: unknown };
  };
  if (given.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const config = objectIn(context, body);
  const live = context.store.get(context.collection, keyOf(config.metadata));
  if (live === undefined && (route.status || config.metadata.uid !== undefined)) {
    const what = `${type.plural} "${config.metadata.name}"`;
    throw route.status ? notFound(what) : new Refusal(409, 'Conflict', `${what}: uid mismatch`);
  }
  if (live !== undefined) {
    const { uid = live.metadata.uid } = config.metadata;
    if (uid !== live.metadata.uid) throw invalid('metadata.uid: Invalid value: field is immutable');
    requireSame(context, live, config);
  }
  const write = ownedWrite(context, live, 'Apply');
  const force = route.query.get('force') === 'true';
  const { object, managers } = applied(write, configOf(config, route.status), { force });
  if (live === undefined) return keep(context, newborn(context, object), managers);
  return finish(context, live, { next: object, managers });
}

/** The part of a configuration that a request is about, without what only identifies the object. */
function configOf(config: Stored, ofStatus: boolean): Stored {
  const { status, ...rest } = config;
  const {
    uid: _,
    resourceVersion: _version,
    creationTimestamp: _time,
    ...metadata
  } = config.metadata;
  const { apiVersion, kind } = config;
  const { name, namespace } = metadata;
  const key = { name, ...(namespace !== undefined && { namespace }) };
  return ofStatus
    ? { apiVersion, kind, metadata: key, ...(status !== undefined && { status }) }
    : { ...rest, metadata };
}

/** Deletes an object, or marks it where somebody has something to do first. */
export function remove(context: WriteContext, body: unknown): KubeObject {
  const current = existing(context, routeKey(context.route));
  // What a client sends there; fields are looked at one by one.
  const { preconditions = {}, propagationPolicy } = (body ?? {}) as DeleteRequest;
  requireSame(context, current, {
    ...current,
    metadata: { ...current.metadata, ...preconditions },
  });
  const finalizers = deletionFinalizers(current.metadata.finalizers ?? [], propagationPolicy);
  if (finalizers.length === 0) {
    if (isDryRun(context)) return current;
    return context.store.remove(context.collection, keyOf(current.metadata)) ?? current;
  }
  const { deletionTimestamp, generation } = current.metadata;
  const metadata = {
    ...current.metadata,
    finalizers,
    deletionTimestamp: deletionTimestamp ?? context.now,
    deletionGracePeriodSeconds: 0,
    // Whoever watches generations is to see it.
    ...(deletionTimestamp === undefined &&
      generation !== undefined && { generation: generation + 1 }),
  };
  const next = { ...current, metadata };
  return isEqual(next, current) ? current : write(context, next);
}

interface DeleteRequest {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: string;
}

/** The garbage collector's finalizers for what is to become of dependents; the wish of the last one counts. */
function deletionFinalizers(
  finalizers: readonly string[],
  policy: string | undefined,
): readonly string[] {
  if (policy === undefined) return finalizers;
  const others = finalizers.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  if (policy === 'Foreground') return [...others, 'foregroundDeletion'];
  return policy === 'Orphan' ? [...others, 'orphan'] : others;
}

function replace(context: WriteContext, current: Stored, given: Stored): KubeObject {
  requireSame(context, current, given);
  const { status, ...spec } = given;
  const { status: _, ...rest } = current;
  const known = current.status !== undefined && { status: current.status };
  const next: Stored = context.route.status
    ? { ...rest, ...(status !== undefined && { status }) }
    : { ...spec, ...known };
  const live = ownedWrite(context, current, 'Update');
  const managers = isReset(given) && !context.route.status ? [] : live.managers;
  return finish(context, current, { next, managers: afterUpdate({ ...live, managers }, next) });
}

/** Whether somebody wants nobody to own anything any more. */
const isReset = ({ metadata: { managedFields } }: Stored): boolean =>
  managedFields?.length === 1 && isEqual(managedFields[0], {});

/** Stores the next state of an object, unless nothing has changed. */
function finish(
  context: WriteContext,
  current: Stored,
  { next, managers }: { readonly next: Stored; readonly managers: Managers },
): KubeObject {
  const { generation, deletionTimestamp, finalizers = [] } = current.metadata;
  const wanted = next.metadata.finalizers ?? [];
  if (deletionTimestamp !== undefined && wanted.some((name) => !finalizers.includes(name))) {
    throw invalid(
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted',
    );
  }
  const changed = !isEqual(desired(next), desired(current));
  const object: Stored = {
    ...next,
    metadata: {
      ...next.metadata,
      ...systemMetadata(current),
      ...(generation !== undefined && { generation: generation + (changed ? 1 : 0) }),
    },
  };
  const same = isEqual(unmanaged(object), unmanaged(current));
  if (same && isSameOwnership(managersOf(current), managers)) return current;
  const isLast = deletionTimestamp !== undefined && wanted.length === 0;
  const stored = keep(context, object, managers);
  if (!isLast || isDryRun(context)) return stored;
  return context.store.remove(context.collection, keyOf(object.metadata)) ?? stored;
}

/** What nobody but the server decides. */
const systemMetadata = ({ metadata }: KubeObject): object => {
  const { uid, creationTimestamp, deletionTimestamp, resourceVersion } = metadata;
  return Object.fromEntries(
    Object.entries({ uid, creationTimestamp, deletionTimestamp, resourceVersion }).filter(
      ([, value]) => value !== undefined,
    ),
  );
};

const desired = ({ metadata: _, status: _status, ...rest }: Stored): object => rest;

function unmanaged(object: Stored): object {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Refuses a write that is meant for another object of this name, or for another state of it. */
function requireSame({ type }: WriteContext, current: Stored, given: KubeObject): void {
  const { uid, resourceVersion, name } = given.metadata;
  const isOther = uid !== undefined && uid !== current.metadata.uid;
  const isOld =
    resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion;
  if (isOther || isOld) throw conflict(`${type.plural} "${name}"`);
}

function newborn(context: WriteContext, object: KubeObject): KubeObject {
  const { type, now } = context;
  const { generateName = '', ...given } = object.metadata as KubeObject['metadata'] & {
    readonly generateName?: string;
  };
  const name = given.name === '' ? generatedName(generateName) : given.name;
  const known = context.store.get(context.collection, keyOf({ ...given, name }));
  if (known !== undefined) {
    throw new Refusal(409, 'AlreadyExists', `${type.plural} "${name}" already exists`);
  }
  const { resourceVersion: _, deletionTimestamp: _dying, ...metadata } = given;
  return {
    ...object,
    metadata: {
      ...metadata,
      name,
      ...(generateName !== '' && { generateName }),
      uid: crypto.randomUUID(),
      creationTimestamp: now,
      ...(hasGenerations(type) && { generation: 1 }),
    },
  };
}

function ownedWrite(
  { type, route, now }: WriteContext,
  live: KubeObject | undefined,
  operation: Manager['operation'],
): OwnedWrite {
  const apiVersion = apiVersionOf(type);
  const schema = mergeSchemaOf(type);
  const by: Manager = {
    // A server would take the name from the request's user agent.
    manager: route.query.get('fieldManager') ?? 'unknown',
    operation,
    apiVersion,
    subresource: route.status ? 'status' : undefined,
  };
  const managers = live === undefined ? [] : managersOf(live);
  const write = { live, managers, by, schema, now };
  if (live === undefined || managers.length > 0 || operation === 'Update') return write;
  const earlier: Manager = { ...by, manager: BEFORE_FIRST_APPLY, operation: 'Update' };
  const first = afterUpdate({ ...write, live: undefined, by: earlier }, live);
  return { ...write, managers: first };
}

const keep = (context: WriteContext, object: KubeObject, managers: Managers): KubeObject => {
  const managedFields = managedFieldsOf(managers);
  const { managedFields: _, ...metadata } = object.metadata;
  return write(context, {
    ...object,
    metadata: { ...metadata, ...(managedFields.length > 0 && { managedFields }) },
  });
};

const write = (context: WriteContext, object: KubeObject): KubeObject =>
  isDryRun(context)
    ? object
    : context.store.write(context.collection, keyOf(object.metadata), object);

const isDryRun = ({ route }: WriteContext): boolean => route.query.get('dryRun') === 'All';

const routeKey = ({ name = '', namespace }: Route) => ({
  name,
  ...(namespace !== undefined && { namespace }),
});

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
  const known: Stored['metadata'] & { readonly generateName?: string } = metadata ?? { name: '' };
  const { name = '', generateName = '' } = known as Partial<typeof known>;
  if (route.name === undefined ? name === '' && generateName === '' : route.name !== name) {
    throw badRequest('the name of the object is missing or not that of the path');
  }
  if (known.namespace !== undefined && known.namespace !== route.namespace) {
    throw badRequest('the namespace of the object is not that of the path');
  }
  return {
    ...rest,
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      ...known,
      name,
      ...(route.namespace !== undefined && { namespace: route.namespace }),
    },
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
