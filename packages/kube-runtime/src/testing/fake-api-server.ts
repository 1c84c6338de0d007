// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type KubeObject, type ResourceType } from '@llm-d/crd-types';
import { sleep, systemClock, type Clock } from '@llm-d/determinism';
import type { ObjectKey } from '../client/resource-path.ts';
import type { KubeRequest, KubeResponse, KubeTransport } from '../client/transport.ts';
import { createFaults, isWrite, refusalOf, type Fault, type Faults } from './faults.ts';
import { createFeed } from './feed.ts';
import { collectGarbage, makesGarbage } from './garbage-collection.ts';
import { startHttpListener, type HttpListener } from './http-listener.ts';
import { createListing } from './listing.ts';
import { badRequest, notFound, Refusal } from './refusal.ts';
import { answerReview, type ReviewOptions } from './reviews.ts';
import { routeOf, type Route } from './routing.ts';
import { fieldSelector, labelSelector, type Selector } from './selectors.ts';
import { createVersionedStore } from './versioned-store.ts';
import { openWatch, type OpenWatch } from './watches.ts';
import { create, keyOf, patch, remove, update, type WriteContext } from './writes.ts';

export interface FakeApiServerOptions extends ReviewOptions {
  /** Types that it serves from the beginning. */
  readonly types: readonly ResourceType[];
  /** Ends watches and delays answers. Default the system's. */
  readonly clock?: Clock;
  /** Changes that it remembers for watches that resume. Default 1000. */
  readonly historySize?: number;
  /** Whether it streams lists, as servers from 1.32 on do. Default true. */
  readonly streamLists?: boolean;
  /** Whether what loses its owners is deleted, in the same moment. Default true. */
  readonly collectGarbage?: boolean;
}

/** A request as the fake saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly verb: string;
  readonly plural: string;
}

/**
 * An API server in memory: objects, versions, watches, pages, selectors, conflicts, finalizers, server-side apply with
 * owners of fields, the status subresource and garbage collection, over a function call ({@link transport}) or over HTTP
 * ({@link listen}). It does not check objects against schemas, fills in no defaults, and runs no controllers.
 */
export interface FakeApiServer extends AsyncDisposable {
  /** Reaches it without a network: everything happens in microtasks, so virtual time works. */
  readonly transport: KubeTransport;
  /** Serves HTTP on a port of 127.0.0.1. */
  listen(): Promise<HttpListener>;
  readonly faults: Faults;
  /** What it was asked, in order. */
  readonly requests: readonly SeenRequest[];
  /** Watches that are open at this moment. */
  readonly watches: readonly OpenWatch[];
  /** Added to the time of every answer. Default 0. */
  latencyMs: number;
  /** How late watches hear of what happens. Default 0. */
  watchLatencyMs: number;

  /** Serves a type from now on, as when its CustomResourceDefinition is installed. */
  addType(type: ResourceType): void;
  /** No longer serves a type: its objects are deleted and its watches end. */
  removeType(type: ResourceType): void;
  /** Stores an object as it is, status included, whatever was there; returns it as stored. */
  put<T extends KubeObject>(type: ResourceType<T>, object: Omit<T, 'apiVersion' | 'kind'>): T;
  /** Deletes an object without asking anybody. */
  remove(type: ResourceType, key: ObjectKey): void;
  objects<T extends KubeObject>(type: ResourceType<T>): readonly T[];
  /** Forgets all history: watches and pages that begin in the past are refused with 410. */
  forgetHistory(): void;
}

/** An API server without objects. Disposing of it ends its watches and frees its ports. */
export function createFakeApiServer(options: FakeApiServerOptions): FakeApiServer {
  const { clock = systemClock, streamLists = true } = options;
  const store = createVersionedStore(options.historySize ?? 1000);
  const listing = createListing();
  const faults = createFaults();
  const types = new Map(options.types.map((type) => [collectionOf(type), type]));
  const watches = new Set<OpenWatch>();
  const listeners: HttpListener[] = [];
  const requests: SeenRequest[] = [];
  const now = (): string => new Date(clock.epochMs()).toISOString().replace(/\.\d+Z$/, 'Z');
  let isLittered = false;
  store.listen((event) => {
    isLittered ||= makesGarbage(event, [...types.values()]);
  });
  const tidyUp = (): void => {
    if (options.collectGarbage === false || !isLittered) return;
    isLittered = false;
    collectGarbage({ store, types: [...types.values()], collectionOf, now: now() });
  };

  const serve = (request: KubeRequest, route: Route): KubeResponse => {
    const body = parseBody(request.body);
    const review = route.verb === 'create' ? answerReview(route.plural, body, options) : undefined;
    if (review !== undefined) return answer(201, review);
    const type = types.get(collectionOf(route));
    if (type === undefined) throw notFound('the requested resource could not be');
    const collection = collectionOf(type);
    const selects = selectorOf(route);
    const write: WriteContext = { store, collection, type, route, now: now() };
    switch (route.verb) {
      case 'get': {
        const { name = '', namespace = '' } = route;
        const object = store.get(collection, keyOf({ name, namespace }));
        if (object === undefined) throw notFound(`${type.plural} "${name}"`);
        return answer(200, object);
      }
      case 'list': {
        const read = () => store.list(collection).filter(selects);
        return answer(200, listing.page({ type, route, version: store.version, read }));
      }
      case 'watch': {
        const latencyMs = (): number => server.watchLatencyMs;
        const context = { store, collection, type, route, selects, clock, latencyMs };
        const feed = openWatch({ ...context, streaming: streamLists }, watches);
        breakOnAbort(request.signal, feed.break);
        return { status: 200, retryAfter: undefined, body: feed.body };
      }
      case 'create':
        return answer(201, create(write, body));
      case 'update':
        return answer(200, update(write, body));
      case 'patch':
        return answer(200, patch(write, body, request.contentType ?? ''));
      case 'delete':
        return answer(200, remove(write, body));
    }
  };

  const handle = async (request: KubeRequest): Promise<KubeResponse> => {
    if (server.latencyMs > 0) await sleep(clock, server.latencyMs, request.signal);
    request.signal.throwIfAborted();
    try {
      const route = routeOf(request);
      const { method, path } = request;
      requests.push({ method, path, verb: route.verb, plural: route.plural });
      const fault = faults.next(route);
      if (fault !== undefined && fault.kind !== 'lost') return await suffer(fault, request);
      const served = serve(request, route);
      if (isWrite(route)) tidyUp();
      if (fault !== undefined) throw new Error('the connection was reset before the answer');
      return served;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return answer(error.status, error.toStatus(), error.details.retryAfterSeconds);
    }
  };

  const server: FakeApiServer = {
    transport: { send: handle, [Symbol.asyncDispose]: () => Promise.resolve() },
    listen: async () => {
      const listener = await startHttpListener(handle);
      listeners.push(listener);
      return listener;
    },
    faults,
    requests,
    get watches() {
      return [...watches];
    },
    latencyMs: 0,
    watchLatencyMs: 0,
    addType: (type) => {
      types.set(collectionOf(type), type);
    },
    removeType: (type) => {
      const collection = collectionOf(type);
      for (const { metadata } of store.list(collection)) store.remove(collection, keyOf(metadata));
      types.delete(collection);
      for (const watch of watches) if (collectionOf(watch.type) === collection) watch.end();
    },
    put: <T extends KubeObject>(
      type: ResourceType<T>,
      given: Omit<T, 'apiVersion' | 'kind'>,
    ): T => {
      // A clone, so that the caller's object and ours are not the same.
      const object: Omit<KubeObject, 'apiVersion' | 'kind'> = structuredClone(given);
      const collection = collectionOf(type);
      const before = store.get(collection, keyOf(object.metadata))?.metadata;
      const metadata = {
        uid: before?.uid ?? crypto.randomUUID(),
        creationTimestamp: before?.creationTimestamp ?? now(),
        ...object.metadata,
      };
      const complete = { ...object, apiVersion: apiVersionOf(type), kind: type.kind, metadata };
      const stored = store.write(collection, keyOf(metadata), complete);
      tidyUp();
      return stored as T;
    },
    remove: (type, key) => {
      store.remove(collectionOf(type), keyOf(key));
      tidyUp();
    },
    objects: <T extends KubeObject>(type: ResourceType<T>) =>
      // The collection of the type holds nothing else.
      store.list(collectionOf(type)) as readonly T[],
    forgetHistory: () => {
      store.forget();
      listing.forget();
    },
    [Symbol.asyncDispose]: async () => {
      for (const watch of watches) watch.end();
      await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()));
    },
  };
  return server;
}

const collectionOf = ({ group, plural }: { readonly group: string; readonly plural: string }) =>
  `${plural}.${group}`;

function selectorOf({ namespace, query }: Route): Selector {
  const byLabel = labelSelector(query.get('labelSelector') ?? '');
  const byField = fieldSelector(query.get('fieldSelector') ?? '');
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    byLabel(object) &&
    byField(object);
}

function answer(status: number, body: object, retryAfterSeconds?: number): KubeResponse {
  const retryAfter = retryAfterSeconds === undefined ? undefined : String(retryAfterSeconds);
  return { status, retryAfter, body: textBody(JSON.stringify(body)) };
}

function textBody(text: string): AsyncIterable<Uint8Array> {
  const feed = createFeed(() => undefined);
  feed.write(text);
  feed.end();
  return feed.body;
}

async function suffer(
  fault: Exclude<Fault, { kind: 'lost' }>,
  { signal }: KubeRequest,
): Promise<KubeResponse> {
  switch (fault.kind) {
    case 'status':
      throw refusalOf(fault);
    case 'garbage':
      return {
        status: 200,
        retryAfter: undefined,
        body: textBody('<html>gateway trouble</html>\n'),
      };
    case 'unreachable':
      throw new Error('the connection was reset');
    case 'silence':
      return new Promise((_, reject) => {
        breakOnAbort(signal, reject);
      });
  }
}

function breakOnAbort(signal: AbortSignal, fail: (error: Error) => void): void {
  const abort = (): void => {
    fail(new Error('the request was aborted', { cause: signal.reason }));
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
}

function parseBody(text: string | undefined): unknown {
  try {
    return text === undefined || text === '' ? undefined : JSON.parse(text);
  } catch {
    throw badRequest('the body is not JSON');
  }
}
