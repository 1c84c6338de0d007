// SPDX-License-Identifier: Apache-2.0
import type { ResourceType } from '@llm-d/crd-types';

/** Names one object of a type. */
export interface ObjectKey {
  readonly name: string;
  /** Absent for objects of the whole cluster. */
  readonly namespace?: string;
}

/** Parts of a URL's query; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** The path of a collection: of one namespace, or of the whole cluster where none is given. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const { group, version, plural, namespaced } = type;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const space = namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
  return `${root}${space}/${plural}`;
}

/** The path of an object. Throws a `TypeError` where its type needs a namespace and the key has none. */
export function objectPath(type: ResourceType, key: ObjectKey, subresource?: 'status'): string {
  const suffix = subresource === undefined ? '' : `/${subresource}`;
  return `${requireNamespace(type, key)}/${segment(key.name)}${suffix}`;
}

/** The path of the collection that an object is in. Throws a `TypeError` like {@link objectPath}. */
export function requireNamespace(type: ResourceType, key: ObjectKey): string {
  if (type.namespaced && key.namespace === undefined) {
    throw new TypeError(`${type.plural} ${key.name} needs a namespace`);
  }
  return collectionPath(type, key.namespace);
}

/** The path with a query. */
export function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

/** A name as part of a path. An empty one, or one of dots, would address something else. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..') {
    throw new TypeError(`"${name}" cannot be a name or a namespace`);
  }
  return encodeURIComponent(name);
}
