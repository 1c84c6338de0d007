// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import type { Informer } from './informer.ts';

/** Objects of an informer by something that they say, such as the names of what they refer to. */
export interface ObjectIndex<T> extends Disposable {
  /** Objects that say `value`, as the informer has them now; the array is the caller's. */
  get(value: string): T[];
}

/**
 * An index that follows an informer until it is disposed of. `valuesOf` must say the same of the same object. What is
 * indexed before another listener of the informer hears of it depends on who came first, so create indexes before
 * controllers.
 */
export function createIndex<T extends KubeObject>(
  informer: Pick<Informer<T>, 'onChange'>,
  valuesOf: (object: T) => Iterable<string>,
): ObjectIndex<T> {
  const byValue = new Map<string, Map<string, T>>();
  const idOf = ({ metadata }: T): string => `${metadata.namespace ?? ''}/${metadata.name}`;
  const drop = (object: T): void => {
    for (const value of valuesOf(object)) {
      const known = byValue.get(value);
      known?.delete(idOf(object));
      if (known?.size === 0) byValue.delete(value);
    }
  };
  const put = (object: T): void => {
    for (const value of valuesOf(object)) {
      const known = byValue.get(value) ?? new Map<string, T>();
      known.set(idOf(object), object);
      byValue.set(value, known);
    }
  };
  const stop = informer.onChange((change) => {
    if (change.kind === 'updated') drop(change.previous);
    if (change.kind === 'deleted') drop(change.object);
    else put(change.object);
  });
  return {
    get: (value) => [...(byValue.get(value)?.values() ?? [])],
    [Symbol.dispose]: stop,
  };
}
