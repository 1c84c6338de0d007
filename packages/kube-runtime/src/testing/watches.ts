// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type KubeObject, type ResourceType } from '@llm-d/crd-types';
import type { Clock, Timer } from '@llm-d/determinism';
import { createFeed, type Feed } from './feed.ts';
import { expired, Refusal } from './refusal.ts';
import type { Route } from './routing.ts';
import type { Selector } from './selectors.ts';
import type { StoredEvent, VersionedStore } from './versioned-store.ts';

export interface WatchContext {
  readonly store: VersionedStore;
  readonly collection: string;
  readonly type: ResourceType;
  readonly route: Route;
  readonly selects: Selector;
  readonly clock: Clock;
  /** Whether lists may be streamed. */
  readonly streaming: boolean;
  /** How late events are sent, at this moment. */
  readonly latencyMs: () => number;
}

/** A watch that somebody reads. */
export interface OpenWatch {
  readonly type: ResourceType;
  /** Says how far nothing has happened. */
  bookmark(): void;
  /** Sends bytes that are no event. */
  garble(): void;
  /** Tells the reader that its version is too old. */
  expire(): void;
  /** Sends nothing any more, and does not end. */
  stall(): void;
  /** Loses the next events, and after these tells the reader that its version is too old. */
  lose(events: number): void;
  end(): void;
  break(error: Error): void;
}

/** Opens a watch, which is in `open` until it has ended. Throws a `Refusal`. */
export function openWatch(context: WatchContext, open: Set<OpenWatch>): Feed {
  const { store, type, clock } = context;
  const { query } = context.route;
  const first = initialEvents(context);
  let stalled = false;
  let losing = 0;
  const feed = createFeed(() => {
    stopListening();
    timer?.cancel();
    late.cancel();
    open.delete(watch);
  });
  const late = createDelay(clock);
  const send = (event: object): void => {
    if (!stalled) feed.write(`${JSON.stringify(event)}\n`);
  };
  const watch: OpenWatch = {
    type,
    bookmark: () => {
      send(bookmarkOf(type, store.version));
    },
    garble: () => {
      feed.write('<html>gateway trouble</html>\n');
    },
    expire: () => {
      send({ type: 'ERROR', object: expired().toStatus() });
      feed.end();
    },
    stall: () => {
      stalled = true;
    },
    lose: (events) => {
      losing = events;
    },
    end: feed.end,
    break: feed.break,
  };
  const stopListening = store.listen((event) => {
    const seen = eventFor(event, context);
    if (seen === undefined) return;
    if (losing > 0) {
      if (--losing === 0) watch.expire();
      return;
    }
    late.run(context.latencyMs(), () => {
      send(seen);
    });
  });
  const timeoutSeconds = Number(query.get('timeoutSeconds') ?? 0);
  const timer =
    timeoutSeconds > 0
      ? clock.schedule(timeoutSeconds * 1000, () => {
          watch.bookmark();
          watch.end();
        })
      : undefined;
  open.add(watch);
  if (first === undefined) watch.expire();
  else first.forEach(send);
  return feed;
}

/** Does things later, and never in another order. */
function createDelay(clock: Clock): {
  readonly run: (delayMs: number, action: () => void) => void;
  readonly cancel: () => void;
} {
  const timers = new Set<Timer>();
  let lastMs = 0;
  return {
    run: (delayMs, action) => {
      if (delayMs <= 0 && timers.size === 0) {
        action();
        return;
      }
      lastMs = Math.max(lastMs, clock.nowMs() + delayMs);
      const timer = clock.schedule(lastMs - clock.nowMs(), () => {
        timers.delete(timer);
        action();
      });
      timers.add(timer);
    },
    cancel: () => {
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}

/** What a watch begins with; undefined where the server has forgotten the place that it starts from. */
function initialEvents(context: WatchContext): readonly object[] | undefined {
  const { store, collection, selects, type, route, streaming } = context;
  const from = route.query.get('resourceVersion');
  const everything = (): object[] =>
    store
      .list(collection)
      .filter(selects)
      .map((object) => ({ type: 'ADDED', object }));
  if (route.query.get('sendInitialEvents') === 'true') {
    if (!streaming) {
      throw new Refusal(422, 'Invalid', 'sendInitialEvents is forbidden for watch');
    }
    return [
      ...everything(),
      bookmarkOf(type, store.version, { 'k8s.io/initial-events-end': 'true' }),
    ];
  }
  if (from === null || from === '' || from === '0') return everything();
  return store
    .since(Number(from))
    ?.map((event) => eventFor(event, context))
    .filter((event) => event !== undefined);
}

/** What a change of the store is to this watch: an object may come into its selection and leave it. */
function eventFor(event: StoredEvent, context: WatchContext): object | undefined {
  if (event.collection !== context.collection) return undefined;
  const { object, previous } = event;
  const before = previous !== undefined && context.selects(previous);
  const after = event.kind === 'written' && context.selects(object);
  if (!before && !after) return undefined;
  if (!after) return { type: 'DELETED', object: withVersion(previous ?? object, event.version) };
  return { type: before ? 'MODIFIED' : 'ADDED', object };
}

const withVersion = (object: KubeObject, version: number): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(version) },
});

const bookmarkOf = (
  type: ResourceType,
  version: number,
  annotations?: Readonly<Record<string, string>>,
): object => ({
  type: 'BOOKMARK',
  object: {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { resourceVersion: String(version), ...(annotations && { annotations }) },
  },
});
