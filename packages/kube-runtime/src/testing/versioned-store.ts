// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';

/** A change of the store. */
export interface StoredEvent {
  readonly collection: string;
  readonly kind: 'written' | 'deleted';
  readonly version: number;
  /** After the change, or its last state. */
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

/** What an API server keeps in etcd: objects by collection and name, one version counter, and a history that ends. */
export interface VersionedStore {
  readonly version: number;
  list(collection: string): readonly KubeObject[];
  get(collection: string, key: string): KubeObject | undefined;
  /** Stores an object under a new version and returns it as stored. */
  write(collection: string, key: string, object: KubeObject): KubeObject;
  /** Returns the last state, under the version of its deletion. */
  remove(collection: string, key: string): KubeObject | undefined;
  /** Changes after a version; undefined where they are no longer known. */
  since(version: number): readonly StoredEvent[] | undefined;
  /** Forgets all history, as a compaction does. */
  forget(): void;
  /** Calls `listener` at every change. */
  listen(listener: (event: StoredEvent) => void): () => void;
}

/** An empty store that remembers the last `historySize` changes. */
export function createVersionedStore(historySize: number): VersionedStore {
  const collections = new Map<string, Map<string, KubeObject>>();
  const listeners = new Set<(event: StoredEvent) => void>();
  let history: StoredEvent[] = [];
  let version = 1000;
  let forgottenUpTo = version;
  const of = (collection: string): Map<string, KubeObject> => {
    const known = collections.get(collection) ?? new Map<string, KubeObject>();
    collections.set(collection, known);
    return known;
  };
  const versioned = (object: KubeObject): KubeObject => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: String(version) },
  });
  const record = (event: StoredEvent): void => {
    history.push(event);
    if (history.length > historySize) forgottenUpTo = history.shift()?.version ?? version;
    for (const listener of [...listeners]) listener(event);
  };
  return {
    get version() {
      return version;
    },
    list: (collection) => [...of(collection).values()],
    get: (collection, key) => of(collection).get(key),
    write: (collection, key, object) => {
      version++;
      const stored = versioned(object);
      const previous = of(collection).get(key);
      of(collection).set(key, stored);
      record({ collection, kind: 'written', version, object: stored, previous });
      return stored;
    },
    remove: (collection, key) => {
      const previous = of(collection).get(key);
      if (previous === undefined) return undefined;
      version++;
      of(collection).delete(key);
      const object = versioned(previous);
      record({ collection, kind: 'deleted', version, object, previous });
      return object;
    },
    since: (from) =>
      from < forgottenUpTo ? undefined : history.filter((event) => event.version > from),
    forget: () => {
      history = [];
      forgottenUpTo = version;
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
