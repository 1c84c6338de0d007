// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ResourceType } from '@llm-d/crd-types';
import { AbortedError, sleep, type Clock, type Random, type Timer } from '@llm-d/determinism';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type { KubeClient, Selection } from '../client/client.ts';
import type { WatchEvent } from '../client/watch.ts';
import { isExpired, isNotFound, KubeProtocolError } from '../errors.ts';
import { createBackoff, type BackoffOptions } from './backoff.ts';
import { degradedReason, isForSomebody, type ReflectorState } from './reflector-state.ts';
import { listAll, readInitialEvents, refusesStreaming, type Snapshot } from './snapshot.ts';

/** Takes what a reflector learns. Objects are handed over, in the order of the server. */
export interface ReflectorSink<T> {
  /** These and no others exist. */
  replace(objects: readonly T[]): void;
  /** The object is new or has changed. */
  put(object: T): void;
  /** The object is gone; this was its last state. */
  remove(object: T): void;
}

export interface ReflectorOptions<T extends KubeObject> extends Selection {
  readonly client: KubeClient;
  readonly type: ResourceType<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry?: Telemetry;
  /** Objects in one answer of a list. Default 500. */
  readonly pageSize?: number;
  /** Whether lists may be streamed where the server can; others are asked for pages. Default true. */
  readonly streamLists?: boolean;
  /** Whether `metadata.managedFields` are kept, which are often half of an object. Default false. */
  readonly keepManagedFields?: boolean;
  /** Makes objects smaller before they are kept. Must leave name, namespace and resource version. Default: none. */
  readonly transform?: (object: T) => T;
  /** Waits after failures. */
  readonly backoff?: BackoffOptions;
  /** Wait until the next attempt where permission or the CRD is missing. Default 15,000. */
  readonly absentRetryMs?: number;
  /** Shortest time after which the server ends a watch; up to twice that. Default 300,000. */
  readonly watchTimeoutMs?: number;
}

/** A running reflector. */
export interface Reflector {
  readonly state: ReflectorState;
  /** Calls `listener` at every change of {@link state}; returns how to stop that. */
  onStateChange(listener: (state: ReflectorState) => void): () => void;
  /** Ends it; resolves when nothing is in flight and the sink will not be called again. */
  stop(): Promise<void>;
}

/** A watch that lived as long as this was a good one: what follows begins with the first wait again. */
const GOOD_WATCH_MS = 5000;

/**
 * Follows a collection until it is stopped: lists it, watches it from there, resumes the watch where it broke, and lists
 * again when the server has forgotten that place. It never gives up; {@link Reflector.state} says how it fares, and only a
 * change of that is logged.
 */
export function startReflector<T extends KubeObject>(
  options: ReflectorOptions<T>,
  sink: ReflectorSink<T>,
): Reflector {
  const stopping = new AbortController();
  const listeners = new Set<(state: ReflectorState) => void>();
  const logger = (options.telemetry ?? noopTelemetry).logger.with({
    resource: options.type.plural,
    ...(options.namespace !== undefined && { namespace: options.namespace }),
  });
  let state: ReflectorState = { kind: 'syncing' };
  const change = (next: ReflectorState): void => {
    if (labelOf(state) === labelOf(next) || stopping.signal.aborted) return;
    state = next;
    if (next.kind === 'degraded') {
      logger.warn('objects may be out of date', { reason: next.reason, error: next.error });
    } else {
      logger.info('objects are up to date');
    }
    for (const listener of [...listeners]) listener(next);
  };
  const running = follow({ ...options, sink, change, signal: stopping.signal });
  return {
    get state() {
      return state;
    },
    onStateChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

const labelOf = (state: ReflectorState): string =>
  state.kind === 'degraded' ? state.reason : state.kind;

interface Following<T extends KubeObject> extends ReflectorOptions<T> {
  readonly sink: ReflectorSink<T>;
  readonly change: (state: ReflectorState) => void;
  readonly signal: AbortSignal;
}

/** What is known from one attempt to the next. */
interface Progress {
  /** Where the watch goes on; undefined while a list is due. */
  resourceVersion: string | undefined;
  /** Whether the server may still be asked to stream a list. */
  streaming: boolean;
  /** Whether this attempt got as far as a watch that goes on from what is known. */
  live: boolean;
  /** Watches in a row that broke soon and without a word. */
  broken: number;
  /** Makes a watch a good one that follows broken ones. */
  proof: Timer | undefined;
}

async function follow<T extends KubeObject>(options: Following<T>): Promise<void> {
  const { clock, signal } = options;
  const backoff = createBackoff(options.random, options.backoff);
  const progress: Progress = {
    resourceVersion: undefined,
    streaming: options.streamLists ?? true,
    live: false,
    broken: 0,
    proof: undefined,
  };
  while (!signal.aborted) {
    const startedMs = clock.nowMs();
    progress.live = false;
    let waitMs: number | undefined;
    try {
      await listAndWatch(options, progress);
    } catch (error) {
      waitMs = afterFailure(error, options, progress);
    }
    progress.proof?.cancel();
    if (clock.nowMs() - startedMs >= GOOD_WATCH_MS) backoff.reset();
    await sleep(clock, waitMs ?? backoff.nextMs(), signal).catch(ignoreAbort);
  }
}

/**
 * Notes what a failure means for the next attempt, tells the state, and says how long to wait where that is not the usual
 * time.
 */
function afterFailure<T extends KubeObject>(
  error: unknown,
  options: Following<T>,
  progress: Progress,
): number | undefined {
  const { signal, clock, random, change, absentRetryMs = 15_000 } = options;
  if (signal.aborted) return 0;
  if (progress.streaming && progress.resourceVersion === undefined && refusesStreaming(error)) {
    progress.streaming = false;
    return 0;
  }
  // Objects of a type that was away may be others when it comes back.
  if (isExpired(error) || isNotFound(error)) progress.resourceVersion = undefined;
  // Watches break; that is a failure only where the next one does no better.
  if (isExpired(error) || (progress.live && ++progress.broken < 2)) return undefined;
  const reason = degradedReason(error);
  change({ kind: 'degraded', reason, sinceMs: clock.nowMs(), error: asError(error) });
  return isForSomebody(reason) ? absentRetryMs * (1 + 0.2 * random.next()) : undefined;
}

async function listAndWatch<T extends KubeObject>(
  options: Following<T>,
  progress: Progress,
): Promise<void> {
  const { client, type, signal } = options;
  const selection = selectionOf(options);
  const listing = progress.resourceVersion === undefined;
  const sendInitialEvents = listing && progress.streaming;
  if (listing && !sendInitialEvents) {
    const query = { client, type, signal, ...selection };
    take(options, progress, await listAll(query, options.pageSize ?? 500));
  }
  const timeoutMs = (options.watchTimeoutMs ?? 300_000) * (1 + options.random.next());
  const events = client
    .watch(type, {
      ...selection,
      signal,
      timeoutSeconds: Math.ceil(timeoutMs / 1000),
      ...(sendInitialEvents && { sendInitialEvents }),
      ...(progress.resourceVersion !== undefined && { resourceVersion: progress.resourceVersion }),
      onOpen: () => {
        if (!sendInitialEvents) becomeLive(options, progress);
      },
    })
    [Symbol.asyncIterator]();
  try {
    if (sendInitialEvents) {
      take(options, progress, await readInitialEvents(events));
      becomeLive(options, progress);
    }
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      if (signal.aborted) return;
      apply(next.value, options, progress);
      progress.broken = 0;
    }
  } finally {
    await events.return?.();
  }
}

const selectionOf = ({ namespace, labelSelector, fieldSelector }: Selection): Selection => ({
  ...(namespace !== undefined && { namespace }),
  ...(labelSelector !== undefined && { labelSelector }),
  ...(fieldSelector !== undefined && { fieldSelector }),
});

function becomeLive<T extends KubeObject>(options: Following<T>, progress: Progress): void {
  progress.live = true;
  const prove = (): void => {
    progress.broken = 0;
    options.change({ kind: 'synced' });
  };
  if (progress.broken < 2) options.change({ kind: 'synced' });
  progress.proof = options.clock.schedule(GOOD_WATCH_MS, prove);
}

function take<T extends KubeObject>(
  options: Following<T>,
  progress: Progress,
  snapshot: Snapshot<T>,
): void {
  if (options.signal.aborted) return;
  progress.resourceVersion = snapshot.resourceVersion;
  options.sink.replace(snapshot.objects.map((object) => reduced(object, options)));
  progress.broken = 0;
}

function apply<T extends KubeObject>(
  event: WatchEvent<T>,
  options: Following<T>,
  progress: Progress,
): void {
  const { sink } = options;
  if (event.type === 'BOOKMARK') {
    progress.resourceVersion = event.resourceVersion;
  } else {
    const { resourceVersion } = event.object.metadata;
    if (resourceVersion === undefined) {
      throw new KubeProtocolError('WATCH', 'an object has no resource version');
    }
    const object = reduced(event.object, options);
    if (event.type === 'DELETED') sink.remove(object);
    else sink.put(object);
    progress.resourceVersion = resourceVersion;
  }
  options.change({ kind: 'synced' });
}

function reduced<T extends KubeObject>(object: T, options: ReflectorOptions<T>): T {
  const kept = options.keepManagedFields === true ? object : withoutManagedFields(object);
  return options.transform === undefined ? kept : options.transform(kept);
}

function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  // A copy: an object that fields were deleted from is slower and larger.
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

const ignoreAbort = (error: unknown): void => {
  if (!(error instanceof AbortedError)) throw error;
};

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error), { cause: error });
