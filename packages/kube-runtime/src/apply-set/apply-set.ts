// SPDX-License-Identifier: Apache-2.0
import {
  apiVersionOf,
  type KubeObject,
  type OwnerReference,
  type ResourceType,
} from '@llm-d/crd-types';
import { AbortedError } from '@llm-d/determinism';
import type { AppliedConfiguration, CallOptions, KubeClient } from '../client/client.ts';
import type { ObjectKey } from '../client/resource-path.ts';
import { isConflict, isNotFound } from '../errors.ts';
import { applyRank } from './apply-order.ts';
import {
  ApplySetIncompleteError,
  ApplySetRefusedError,
  type ApplySetFailure,
} from './apply-set-errors.ts';
import { applySetId, applySetKeys, groupKindOf } from './apply-set-id.ts';
import { isSameContent, type MemberOutcome } from './member-outcome.ts';
import { createParentRecord } from './parent-record.ts';

export interface ApplySetOptions {
  readonly client: KubeClient;
  /** Whose set it is: the object that the members are made for. It must exist. */
  readonly parent: {
    readonly type: ResourceType;
    /** As the API server has it; its uid is what counts. */
    readonly object: KubeObject;
  };
  /** Types that members may have, now or in earlier versions of the program: members of others are left alone. */
  readonly types: readonly ResourceType[];
  /** Who owns the fields of the members. */
  readonly fieldManager: string;
  /** The program as `name/version`; a set of another program is refused. */
  readonly tooling: string;
  /** Whether fields are taken from other managers. Default true: a controller has the last word on what it renders. */
  readonly force?: boolean;
  /** Whether members in the parent's namespace name the parent as their controlling owner. Default true. */
  readonly own?: boolean;
}

/** What became of one object. */
export interface ApplySetEntry {
  readonly type: ResourceType;
  readonly key: ObjectKey;
  readonly outcome: MemberOutcome;
  /** As it was before; undefined where it is new. */
  readonly before: KubeObject | undefined;
  /** As it is afterwards, with what the server filled in; undefined where it was pruned. */
  readonly after: KubeObject | undefined;
}

/** What became of all of them: in the order of their application, the pruned ones last. */
export interface ApplySetReport {
  readonly entries: readonly ApplySetEntry[];
}

/**
 * The objects that belong to a parent (an apply set of KEP-3659). They carry its id in a label, and the parent says in an
 * annotation which kinds to look for, which is made wider before anything is applied and narrower after everything else is
 * pruned: whenever the program dies, the next one finds all members.
 */
export interface ApplySet {
  /** The value of the label `applyset.kubernetes.io/part-of`. */
  readonly id: string;
  /**
   * Makes the set be these objects: applies them in an order in which they need each other, and prunes members that are
   * not among them. Rejects with {@link ApplySetRefusedError} or {@link ApplySetIncompleteError}, or the errors of calls.
   * Only one at a time.
   */
  apply(objects: readonly KubeObject[], call?: CallOptions): Promise<ApplySetReport>;
  /** Says what {@link apply} would do, as the server sees it, and does nothing. Rejects like it. */
  diff(objects: readonly KubeObject[], call?: CallOptions): Promise<ApplySetReport>;
}

/** The set of a parent; nothing is asked or written before it is applied. */
export function createApplySet(options: ApplySetOptions): ApplySet {
  const { parent, types } = options;
  const id = applySetId(parent.type, parent.object.metadata);
  const record = createParentRecord(options, id);
  const run = async (objects: readonly KubeObject[], call: CallOptions, dryRun: boolean) => {
    const run: Run = { ...options, id, call, dryRun };
    const wanted = membersOf(objects, run);
    const known = await record.read(call);
    const wantedKinds = new Set(wanted.map(({ type }) => groupKindOf(type)));
    const widened = dryRun
      ? known
      : await record.write(known, [...known.kinds, ...wantedKinds], call);
    const searched = types.filter((type) => {
      const kind = groupKindOf(type);
      return known.kinds.has(kind) || wantedKinds.has(kind);
    });
    const present = await findMembers(searched, run);
    const entries: ApplySetEntry[] = [];
    await attemptAll(wanted, entries, (member) => applyMember(member, present, run));
    const kept = new Set(wanted.map(identityOf));
    const gone = [...present.values()]
      .filter((member) => !kept.has(identityOf(member)))
      .sort((a, b) => applyRank(b.type) - applyRank(a.type));
    await attemptAll(gone, entries, (member) => pruneMember(member, run));
    // Kinds that this program does not know stay, for the one that does.
    const foreign = [...known.kinds].filter(
      (kind) => !types.some((type) => groupKindOf(type) === kind),
    );
    if (!dryRun) await record.write(widened, [...wantedKinds, ...foreign], call);
    return { entries };
  };
  return {
    id,
    apply: (objects, call = {}) => run(objects, call, false),
    diff: (objects, call = {}) => run(objects, call, true),
  };
}

interface Run extends ApplySetOptions {
  readonly id: string;
  readonly call: CallOptions;
  readonly dryRun: boolean;
}

interface Member {
  readonly type: ResourceType;
  readonly object: KubeObject;
}

const keyOf = ({ name, namespace }: ObjectKey): ObjectKey =>
  namespace === undefined ? { name } : { namespace, name };

const identityOf = ({ type, object: { metadata } }: Member): string =>
  [groupKindOf(type), metadata.namespace ?? '', metadata.name].join('/');

/** The objects with their types, in the order of their application. Refuses what cannot be a member. */
function membersOf(objects: readonly KubeObject[], run: Run): Member[] {
  const { namespace } = run.parent.object.metadata;
  const members = objects.map((object): Member => {
    const type = run.types.find(
      (one) => one.kind === object.kind && apiVersionOf(one) === object.apiVersion,
    );
    const name = `${object.apiVersion} ${object.kind} ${object.metadata.name}`;
    if (type === undefined)
      throw new ApplySetRefusedError(`${name} is of no type that the set may have`);
    if (type.namespaced && object.metadata.namespace !== namespace) {
      throw new ApplySetRefusedError(`${name} is not in the namespace of the set`);
    }
    return { type, object };
  });
  const seen = new Set<string>();
  for (const member of members) {
    const identity = identityOf(member);
    if (seen.has(identity)) throw new ApplySetRefusedError(`${identity} is there twice`);
    seen.add(identity);
  }
  return members.sort((a, b) => applyRank(a.type) - applyRank(b.type));
}

/** The members that there are, by identity. A type that is not served has none. */
async function findMembers(
  types: readonly ResourceType[],
  { client, id, parent, call }: Run,
): Promise<Map<string, Member>> {
  const { namespace } = parent.object.metadata;
  const labelSelector = `${applySetKeys.partOf}=${id}`;
  const lists = await Promise.all(
    types.map(async (type) => {
      const where = type.namespaced && namespace !== undefined && { namespace };
      try {
        const { items } = await client.list(type, { ...call, ...where, labelSelector });
        return items.map((object): Member => ({ type, object }));
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
    }),
  );
  return new Map(lists.flat().map((member) => [identityOf(member), member]));
}

/** Attempts every member; throws afterwards where some failed. */
async function attemptAll(
  members: readonly Member[],
  entries: ApplySetEntry[],
  attempt: (member: Member) => Promise<ApplySetEntry>,
): Promise<void> {
  const failures: ApplySetFailure[] = [];
  for (const member of members) {
    try {
      entries.push(await attempt(member));
    } catch (error) {
      // An aborted call ends everything.
      if (!(error instanceof Error) || error instanceof AbortedError) throw error;
      const { type, object } = member;
      failures.push({ groupKind: groupKindOf(type), key: keyOf(object.metadata), error });
    }
  }
  if (failures.length > 0) throw new ApplySetIncompleteError(failures, { entries });
}

async function applyMember(
  { type, object }: Member,
  present: ReadonlyMap<string, Member>,
  run: Run,
): Promise<ApplySetEntry> {
  const { client, call, dryRun, fieldManager, force = true } = run;
  const key = keyOf(object.metadata);
  const before =
    present.get(identityOf({ type, object }))?.object ?? (await lookUp(type, key, run));
  if (before !== undefined) requireOurs(type, before, run);
  const options = { ...call, dryRun, fieldManager, force };
  const after = await client.apply(type, configurationOf({ type, object }, run), options);
  const outcome =
    before === undefined ? 'created' : isSameContent(before, after) ? 'unchanged' : 'changed';
  return { type, key, outcome, before, after };
}

async function lookUp(
  type: ResourceType,
  key: ObjectKey,
  { client, call }: Run,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(type, key, call);
  } catch (error) {
    // Of a type that is not served there is none either; applying it says so.
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Refuses an object that is in another set, or that somebody else controls. */
function requireOurs(type: ResourceType, { metadata }: KubeObject, { id, parent }: Run): void {
  const set = metadata.labels?.[applySetKeys.partOf];
  const name = `${groupKindOf(type)} ${metadata.name}`;
  if (set !== undefined && set !== id) {
    throw new ApplySetRefusedError(`${name} belongs to another apply set, ${set}`);
  }
  const other = metadata.ownerReferences?.find(
    ({ controller, uid }) => controller === true && uid !== parent.object.metadata.uid,
  );
  if (other !== undefined) {
    throw new ApplySetRefusedError(`${name} belongs to ${other.kind} ${other.name}`);
  }
}

function configurationOf({ type, object }: Member, run: Run): AppliedConfiguration<KubeObject> {
  const { id, parent, own = true } = run;
  const { labels, ownerReferences = [], ...metadata } = object.metadata;
  // An owner must be in the same namespace or in none.
  const { namespace } = parent.object.metadata;
  const isOwned = own && (namespace === undefined || type.namespaced);
  const owners = isOwned ? [...ownerReferences, ownerReferenceOf(run)] : ownerReferences;
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...labels, [applySetKeys.partOf]: id },
      ...(owners.length > 0 && { ownerReferences: owners }),
    },
  };
}

const ownerReferenceOf = ({ parent: { type, object } }: Run): OwnerReference => ({
  apiVersion: apiVersionOf(type),
  kind: type.kind,
  name: object.metadata.name,
  uid: object.metadata.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
});

async function pruneMember({ type, object }: Member, run: Run): Promise<ApplySetEntry> {
  const { client, call, dryRun } = run;
  const { uid, deletionTimestamp } = object.metadata;
  const key = keyOf(object.metadata);
  if (!dryRun && deletionTimestamp === undefined) {
    try {
      const only = uid !== undefined && { uid };
      await client.delete(type, key, { ...call, ...only, propagation: 'Background' });
    } catch (error) {
      // Somebody else was faster; what has its name since is not what we mean.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
  return { type, key, outcome: 'pruned', before: object, after: undefined };
}
