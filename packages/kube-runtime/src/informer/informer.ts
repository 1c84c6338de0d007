// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import { AbortedError, type Timer } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { startReflector, type ReflectorOptions } from '../reflector/reflector.ts';
import type { ReflectorState } from '../reflector/reflector-state.ts';
import { createObjectStore, type Change, type ObjectReader } from './object-store.ts';

export interface InformerOptions<T extends KubeObject> extends ReflectorOptions<T> {
  /** How often listeners are reminded of every object. Default never. */
  readonly resyncMs?: number;
}

/** A local copy of a collection that follows the API server's until it is stopped. */
export interface Informer<T extends KubeObject> extends ObjectReader<T>, AsyncDisposable {
  /** Whether the copy has been complete once. It stays true when the API server goes away. */
  readonly hasSynced: boolean;
  /** Resolves as soon as {@link hasSynced}; rejects with `AbortedError` when `signal` aborts before. */
  whenSynced(signal: AbortSignal): Promise<void>;
  readonly state: ReflectorState;
  onStateChange(listener: (state: ReflectorState) => void): () => void;
  /**
   * Calls `listener` for what is there already, as `added` and before this returns, then for every change, in order and
   * after it can be read. A listener that throws is logged. Returns how to stop that.
   */
  onChange(listener: (change: Change<T>) => void): () => void;
  /** Ends it; resolves when no listener will be called again. The copy can still be read. */
  stop(): Promise<void>;
}

/** Starts an informer. */
export function startInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { clock, resyncMs, type, telemetry = noopTelemetry } = options;
  const listeners = new Set<(change: Change<T>) => void>();
  const waiters = new Set<() => void>();
  const tell = (listener: (change: Change<T>) => void, change: Change<T>): void => {
    try {
      listener(change);
    } catch (error) {
      telemetry.logger.error('a listener failed', { resource: type.plural, error });
    }
  };
  const store = createObjectStore<T>((change) => {
    for (const listener of [...listeners]) tell(listener, change);
  });
  let hasSynced = false;
  const reflector = startReflector(options, {
    put: (object) => {
      store.put(object);
    },
    remove: (object) => {
      store.remove(object);
    },
    replace: (objects) => {
      store.replace(objects);
      hasSynced = true;
      for (const wake of [...waiters]) wake();
    },
  });
  let resyncTimer: Timer | undefined;
  const scheduleResync = (everyMs: number): void => {
    resyncTimer = clock.schedule(everyMs, () => {
      store.resync();
      scheduleResync(everyMs);
    });
  };
  if (resyncMs !== undefined) scheduleResync(resyncMs);
  const stop = async (): Promise<void> => {
    resyncTimer?.cancel();
    await reflector.stop();
    listeners.clear();
  };
  return {
    get size() {
      return store.size;
    },
    get: (key) => store.get(key),
    list: () => store.list(),
    get hasSynced() {
      return hasSynced;
    },
    whenSynced: (signal) => waitFor(waiters, () => hasSynced, signal),
    get state() {
      return reflector.state;
    },
    onStateChange: (listener) => reflector.onStateChange(listener),
    onChange: (listener) => {
      for (const object of store.list()) tell(listener, { kind: 'added', object });
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function waitFor(
  waiters: Set<() => void>,
  isDone: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      waiters.delete(wake);
      signal.removeEventListener('abort', abort);
    };
    const wake = (): void => {
      settle();
      resolve();
    };
    const abort = (): void => {
      settle();
      reject(new AbortedError({ cause: signal.reason }));
    };
    if (isDone()) resolve();
    else if (signal.aborted) abort();
    else {
      waiters.add(wake);
      signal.addEventListener('abort', abort, { once: true });
    }
  });
}
