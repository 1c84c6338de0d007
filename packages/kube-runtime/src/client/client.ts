// SPDX-License-Identifier: Apache-2.0
import {
  apiVersionOf,
  type KubeObject,
  type ObjectMeta,
  type ResourceType,
} from '@llm-d/crd-types';
import type { Clock } from '@llm-d/determinism';
import { KubeProtocolError } from '../errors.ts';
import { exchange, openStream, type Ask, type ExchangeContext } from './exchange.ts';
import {
  collectionPath,
  objectPath,
  requireNamespace,
  withQuery,
  type ObjectKey,
} from './resource-path.ts';
import type { KubeTransport } from './transport.ts';
import { readWatch, type WatchEvent } from './watch.ts';

export interface KubeClientOptions {
  readonly transport: KubeTransport;
  /** Measures timeouts and waits. */
  readonly clock: Clock;
  /** Longest from a request to its complete answer. Default 30,000. */
  readonly timeoutMs?: number;
  /** Largest answer that is read. Default 128 MiB. */
  readonly maxBodyBytes?: number;
}

export interface CallOptions {
  /** Ends the call early, with `AbortedError`. */
  readonly signal?: AbortSignal;
  /** Longest from each request to its complete answer, or to the head of a watch. Default: that of the client. */
  readonly timeoutMs?: number;
}

/** Which objects of a collection. */
export interface Selection {
  /** Default: all namespaces. */
  readonly namespace?: string;
  /** Such as `app=vllm,role!=prefill`. */
  readonly labelSelector?: string;
  /** Such as `metadata.name=a`. */
  readonly fieldSelector?: string;
}

export interface ListOptions extends CallOptions, Selection {
  /** Most objects in one answer. Default: all. */
  readonly limit?: number;
  /** Where the answer before ended. */
  readonly continue?: string;
}

/** A part of a collection, or the whole of it where `continue` is absent. */
export interface KubeList<T> {
  readonly items: readonly T[];
  /** The version that the collection was read at. */
  readonly resourceVersion: string;
  readonly continue?: string;
}

export interface WatchOptions extends CallOptions, Selection {
  /** Begins after this version; absent, with everything there is as `ADDED`. */
  readonly resourceVersion?: string;
  /** Asks for everything there is, then for a bookmark that says so, then for what happens. */
  readonly sendInitialEvents?: boolean;
  /** After this the server ends the watch. Default: it decides, mostly after 30 to 60 minutes. */
  readonly timeoutSeconds?: number;
  /** Longest silence until the watch counts as dead; the server's bookmarks come each minute. Default 150,000. */
  readonly idleTimeoutMs?: number;
  /** Called when the server has agreed to the watch, which may be long before the first event. */
  readonly onOpen?: () => void;
}

export interface WriteOptions extends CallOptions {
  /** Has the server check everything and store nothing. Default false. */
  readonly dryRun?: boolean;
  /** Writes the status and nothing else. Default: everything but the status. */
  readonly subresource?: 'status';
  /** Whom the server records as the owner of what is written. Default: the beginning of the transport's user agent. */
  readonly fieldManager?: string;
}

/** An object to be created, with its name or with the beginning of one that the server completes. */
export type NewObject<T extends KubeObject> =
  | T
  | (Omit<T, 'metadata'> & {
      readonly metadata: Omit<ObjectMeta, 'name'> & { readonly generateName: string };
    });

export interface ApplyOptions extends WriteOptions {
  /** Who owns the fields that are applied. */
  readonly fieldManager: string;
  /** Takes fields from other managers. Default false: a conflict is an error. */
  readonly force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** What becomes of objects that it owns. Default: what the type says, mostly `Background`. */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  /** Only if it is still this very object. */
  readonly uid?: string;
  /** Only if it has not changed since. */
  readonly resourceVersion?: string;
  readonly gracePeriodSeconds?: number;
}

/** Any part of a value, however deep; lists are whole, their items need not be. */
export type DeepPartial<T> = T extends readonly (infer Item)[]
  ? readonly DeepPartial<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: DeepPartial<T[Key]> }
    : T;

/** The part of an object that somebody wants to be so. */
export type AppliedConfiguration<T extends KubeObject> = DeepPartial<Omit<T, 'metadata'>> & {
  readonly metadata: DeepPartial<ObjectMeta> & ObjectKey;
};

/**
 * Objects of an API server. Every call ends: within the timeout of the client, or when its signal aborts. A server that
 * asks to come back later is obeyed. Calls reject with the errors of `errors.ts`, or `AbortedError`. A key or object of a
 * namespaced type must name its namespace.
 */
export interface KubeClient {
  get<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options?: CallOptions,
  ): Promise<T>;
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>>;
  create<T extends KubeObject>(
    type: ResourceType<T>,
    object: NewObject<T>,
    options?: WriteOptions,
  ): Promise<T>;
  /** Replaces an object. With a resource version in it, only if it has not changed since. */
  update<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options?: WriteOptions,
  ): Promise<T>;
  /** Merges fields into an object (RFC 7386): null removes, lists are replaced. */
  patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: object,
    options?: WriteOptions,
  ): Promise<T>;
  /**
   * Server-side apply: the object has these fields afterwards, and lost those that we applied before and not now. Rejects
   * with `KubeApplyConflictError` where others own fields that it would change. With a `uid` in it, it never creates.
   */
  apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: AppliedConfiguration<T>,
    options: ApplyOptions,
  ): Promise<T>;
  delete(type: ResourceType, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** What happens to the objects of a collection. Leaving the loop ends the watch. */
  watch<T extends KubeObject>(
    type: ResourceType<T>,
    options?: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;
}

/** A client on top of a transport, which stays the caller's. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const context: ExchangeContext = {
    transport: options.transport,
    clock: options.clock,
    timeoutMs: options.timeoutMs ?? 30_000,
    maxBodyBytes: options.maxBodyBytes ?? 128 * 1024 * 1024,
  };
  const ask = (what: Ask, call: CallOptions): Promise<unknown> => exchange(context, what, call);
  // The API server vouches for the type of what it serves at a path.
  const askFor = async <T>(what: Ask, call: CallOptions): Promise<T> =>
    (await ask(what, call)) as T;

  return {
    get: (type, key, call = {}) => askFor({ method: 'GET', path: objectPath(type, key) }, call),
    list: async <T extends KubeObject>(type: ResourceType<T>, list: ListOptions = {}) => {
      const { limit, continue: from } = list;
      const query = { ...selectionQuery(list), limit, continue: from };
      const path = withQuery(collectionPath(type, list.namespace), query);
      return listOf<T>(type, await ask({ method: 'GET', path }, list));
    },
    create: (type, object, write = {}) => {
      const { generateName, name = generateName, namespace } = object.metadata as Partial<Naming>;
      const key = { name: name ?? '', ...(namespace !== undefined && { namespace }) };
      const path = withQuery(requireNamespace(type, key), writeQuery(write));
      return askFor({ method: 'POST', path, body: JSON.stringify(object) }, write);
    },
    update: (type, object, write = {}) => {
      const path = withQuery(
        objectPath(type, object.metadata, write.subresource),
        writeQuery(write),
      );
      return askFor({ method: 'PUT', path, body: JSON.stringify(object) }, write);
    },
    patch: (type, key, patch, write = {}) => {
      const path = withQuery(objectPath(type, key, write.subresource), writeQuery(write));
      const contentType = 'application/merge-patch+json';
      return askFor({ method: 'PATCH', path, contentType, body: JSON.stringify(patch) }, write);
    },
    apply: (type, object, write) => {
      const query = { ...writeQuery(write), force: write.force };
      const path = withQuery(objectPath(type, object.metadata, write.subresource), query);
      // JSON is YAML.
      const contentType = 'application/apply-patch+yaml';
      const identity = { apiVersion: apiVersionOf(type), kind: type.kind };
      const body = JSON.stringify(Object.assign(identity, object));
      return askFor({ method: 'PATCH', path, contentType, body }, write);
    },
    delete: async (type, key, remove = {}) => {
      const { propagation, uid, resourceVersion, gracePeriodSeconds } = remove;
      const body = JSON.stringify({
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: propagation,
        gracePeriodSeconds,
        preconditions: { uid, resourceVersion },
      });
      await ask({ method: 'DELETE', path: objectPath(type, key), body }, remove);
    },
    watch: (type, watch = {}) => watchOf(context, type, watch),
  };
}

async function* watchOf<T extends KubeObject>(
  context: ExchangeContext,
  type: ResourceType<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const { sendInitialEvents, resourceVersion, timeoutSeconds } = options;
  const collection = collectionPath(type, options.namespace);
  const path = withQuery(collection, {
    ...selectionQuery(options),
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion,
    timeoutSeconds,
    ...(sendInitialEvents === true && {
      sendInitialEvents,
      resourceVersionMatch: 'NotOlderThan',
    }),
  });
  const stream = await openStream(context, { method: 'GET', path }, options);
  options.onOpen?.();
  const idleTimeoutMs = options.idleTimeoutMs ?? 150_000;
  yield* readWatch<T>(stream, { request: `WATCH ${collection}`, idleTimeoutMs });
}

const selectionQuery = ({ labelSelector, fieldSelector }: Selection) => ({
  labelSelector,
  fieldSelector,
});

/** How an object that is to be created may be called. */
interface Naming extends ObjectKey {
  readonly generateName: string;
}

const writeQuery = ({ dryRun, fieldManager }: WriteOptions) => ({
  dryRun: dryRun === true ? 'All' : undefined,
  fieldManager,
});

function listOf<T extends KubeObject>(type: ResourceType<T>, answer: unknown): KubeList<T> {
  // Fields are looked at before they are trusted.
  const { items, metadata } = answer as {
    items?: readonly T[] | null;
    metadata?: { resourceVersion?: string; continue?: string };
  };
  if (metadata?.resourceVersion === undefined) {
    throw new KubeProtocolError(`LIST ${type.plural}`, 'not a list');
  }
  const apiVersion = apiVersionOf(type);
  return {
    // Servers leave these out of the items of built-in types.
    items: (items ?? []).map((item) => ({ ...item, apiVersion, kind: type.kind })),
    resourceVersion: metadata.resourceVersion,
    ...(metadata.continue !== undefined &&
      metadata.continue !== '' && { continue: metadata.continue }),
  };
}
