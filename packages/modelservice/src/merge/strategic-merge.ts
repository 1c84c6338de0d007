// SPDX-License-Identifier: Apache-2.0
import { isObject, type JsonObject } from '../json.ts';
import { keyOf, keysOf } from './list-keys.ts';

/**
 * `base` with `patch` laid over it as Kubernetes' strategic merge does: objects field by field, lists by their keys
 * where they have any, null deletes, `$patch: delete` and `$patch: replace` are heeded. Neither argument is changed.
 * Items that only the patch has come last, in its order.
 */
export function strategicMerge(base: JsonObject, patch: JsonObject): JsonObject {
  if (patch['$patch'] === 'replace') return withoutDirective(patch);
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (name === '$patch' || value === undefined) continue;
    if (value === null) Reflect.deleteProperty(merged, name);
    else merged[name] = mergedField(name, merged[name], value);
  }
  return merged;
}

/** {@link strategicMerge} of any number of patches, the last one on top. */
export const mergeAll = (base: JsonObject, ...patches: readonly JsonObject[]): JsonObject =>
  patches.reduce(strategicMerge, base);

function mergedField(name: string, base: unknown, value: unknown): unknown {
  if (Array.isArray(value)) return mergedList(name, base, value);
  if (!isObject(value)) return value;
  return strategicMerge(isObject(base) ? base : {}, value);
}

function mergedList(name: string, base: unknown, value: readonly unknown[]): readonly unknown[] {
  const before: readonly unknown[] = Array.isArray(base) ? base : [];
  const items = value.filter(isObject);
  const keys = keysOf(name, [...items, ...before.filter(isObject)]);
  if (keys === undefined || items.length < value.length) return value;
  if (items.some((item) => item['$patch'] === 'replace')) {
    return items.filter((item) => item['$patch'] === undefined);
  }
  const result = new Map(before.filter(isObject).map((item) => [keyOf(item, keys), item]));
  for (const item of items) {
    const key = keyOf(item, keys);
    if (item['$patch'] === 'delete') result.delete(key);
    else result.set(key, mergedItem(name, result.get(key) ?? {}, item));
  }
  return [...result.values()];
}

/** A volume has one source: a patch that brings another one replaces it. */
function mergedItem(list: string, base: JsonObject, item: JsonObject): JsonObject {
  if (list !== 'volumes') return strategicMerge(base, item);
  const source = Object.keys(item).find((key) => key !== 'name');
  return source === undefined || Object.hasOwn(base, source) ? strategicMerge(base, item) : item;
}

const withoutDirective = ({ $patch: _, ...rest }: JsonObject): JsonObject => rest;
