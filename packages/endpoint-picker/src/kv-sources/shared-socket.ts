// SPDX-License-Identifier: Apache-2.0
import type { KvMessage } from '@llm-d/kv-events';
import type { BoundSocket } from '../producers/precise-prefix-cache-producer/kv-event-sources.ts';

/** Listens until the signal fires; rejects when it cannot. */
type Bind = (options: BoundSocket) => Promise<void>;

/** An address that is listened at, and for whom. */
interface Shared {
  readonly users: Set<BoundSocket>;
  readonly end: AbortController;
  readonly ended: Promise<void>;
  /** Undefined until it listens. */
  socket: { forget(pod: string): void } | undefined;
}

/**
 * Lets several listen at one address, which can be bound only once: two configurations overlap while one takes the
 * other's place. Who comes later hears what comes from then on. The socket is closed when the last one leaves.
 */
export function sharedSockets(bind: Bind): Bind {
  const open = new Map<string, Shared>();

  const share = (key: string, first: BoundSocket): Shared => {
    const users = new Set<BoundSocket>();
    const end = new AbortController();
    const options: BoundSocket = {
      ...first,
      signal: end.signal,
      onBound: (socket) => {
        shared.socket = socket;
        for (const { onBound } of users) onBound(socket);
      },
      onMessage: (message) => tellAll(users, message),
    };
    const listen = async (): Promise<void> => {
      // Not before there is an entry of it.
      await Promise.resolve();
      await bind(options).finally(() => open.delete(key));
    };
    const shared: Shared = { users, end, socket: undefined, ended: listen() };
    open.set(key, shared);
    return shared;
  };

  return async (options) => {
    const { endpoint, ranks, topicFilter, signal } = options;
    if (signal.aborted) return;
    const key = JSON.stringify([endpoint, ranks, topicFilter]);
    const leaving = open.get(key);
    // One that is closing still has the address.
    if (leaving?.end.signal.aborted === true) await leaving.ended.catch(() => undefined);
    const shared = open.get(key) ?? share(key, options);
    shared.users.add(options);
    if (shared.socket !== undefined) options.onBound(shared.socket);
    try {
      await Promise.race([shared.ended, fired(signal)]);
    } finally {
      shared.users.delete(options);
      if (shared.users.size === 0) shared.end.abort();
    }
    if (shared.users.size === 0) await shared.ended;
  };
}

/** The next message waits for whoever is slowest. */
function tellAll(users: ReadonlySet<BoundSocket>, message: KvMessage): void | Promise<void> {
  const waiting: Promise<void>[] = [];
  for (const { onMessage } of users) {
    const done = onMessage(message);
    if (done instanceof Promise) waiting.push(done);
  }
  return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
}

const fired = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
