// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import type { ObjectKey } from '../client/resource-path.ts';
import type { ReflectorSink } from '../reflector/reflector.ts';

/** What happened to an object of a store. */
export type Change<T> =
  | { readonly kind: 'added'; readonly object: T }
  | { readonly kind: 'updated'; readonly object: T; readonly previous: T }
  /** `object` is its last known state. */
  | { readonly kind: 'deleted'; readonly object: T }
  /** Nothing happened; a reminder, for those who act on the outside world. */
  | { readonly kind: 'resync'; readonly object: T };

/** Objects by name, as somebody reads them. They are shared: nobody may change one. */
export interface ObjectReader<T> {
  readonly size: number;
  get(key: ObjectKey): T | undefined;
  /** All of them; the array is the caller's. */
  list(): T[];
}

/** A store that tells what happens to it. */
export interface ObjectStore<T> extends ObjectReader<T>, ReflectorSink<T> {
  /** Tells everybody of every object again. */
  resync(): void;
}

/** A store; `notify` hears of each change after it has happened, in order. It must not throw. */
export function createObjectStore<T extends KubeObject>(
  notify: (change: Change<T>) => void,
): ObjectStore<T> {
  const objects = new Map<string, T>();
  const put = (object: T): void => {
    const key = keyOf(object.metadata);
    const previous = objects.get(key);
    if (previous !== undefined && isSameVersion(previous, object)) return;
    // A successor of the same name: whoever holds something for the first must let go of it.
    const succeeded = previous !== undefined && previous.metadata.uid !== object.metadata.uid;
    if (succeeded) remove(previous);
    objects.set(key, object);
    if (previous === undefined || succeeded) notify({ kind: 'added', object });
    else notify({ kind: 'updated', object, previous });
  };
  const remove = (object: T): void => {
    if (objects.delete(keyOf(object.metadata))) notify({ kind: 'deleted', object });
  };
  return {
    get size() {
      return objects.size;
    },
    get: (key) => objects.get(keyOf(key)),
    list: () => [...objects.values()],
    put,
    remove,
    replace: (next) => {
      const kept = new Set(next.map(({ metadata }) => keyOf(metadata)));
      for (const [key, object] of [...objects]) if (!kept.has(key)) remove(object);
      for (const object of next) put(object);
    },
    resync: () => {
      for (const object of [...objects.values()]) notify({ kind: 'resync', object });
    },
  };
}

const keyOf = ({ name, namespace = '' }: ObjectKey): string => `${namespace}/${name}`;

const isSameVersion = (a: KubeObject, b: KubeObject): boolean =>
  a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;
