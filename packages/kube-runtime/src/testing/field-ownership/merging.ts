// SPDX-License-Identifier: Apache-2.0
import { canonical } from './canonical.ts';
import { join, type FieldPath, type FieldSet } from './field-set.ts';
import { plain, type ListKey, type MergeSchema } from './merge-schema.ts';

/** What an object consists of. */
export interface Part {
  /** Whether somebody can own it as such: a value, an item of a list, an empty object. */
  readonly owned: boolean;
  /** Equal where the value is. Parts that consist of others have none. */
  readonly text: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Everything that a value consists of, by its path. */
export function partsOf(value: unknown, schema: MergeSchema): Map<FieldPath, Part> {
  const parts = new Map<FieldPath, Part>();
  visit(value, schema, '', parts);
  return parts;
}

function visit(
  value: unknown,
  schema: MergeSchema,
  path: FieldPath,
  parts: Map<FieldPath, Part>,
): void {
  if (schema.kind === 'granular' && isFields(value)) {
    const fields = Object.entries(value);
    if (path !== '' && !parts.has(path)) parts.set(path, { owned: fields.length === 0, text: '' });
    for (const [name, field] of fields) {
      visit(field, schema.field(name), join(path, `f:${name}`), parts);
    }
  } else if ((schema.kind === 'keyed' || schema.kind === 'set') && Array.isArray(value)) {
    parts.set(path, { owned: false, text: '' });
    for (const item of value) {
      const itemPath = join(path, elementOf(item, schema));
      parts.set(itemPath, { owned: true, text: '' });
      visit(item, schema.kind === 'keyed' ? schema.item : { kind: 'atomic' }, itemPath, parts);
    }
  } else {
    parts.set(path, { owned: true, text: canonical(value) });
  }
}

/** What whoever sets all of this value owns. */
export const ownedOf = (value: unknown, schema: MergeSchema): Set<FieldPath> =>
  new Set([...partsOf(value, schema)].filter(([, { owned }]) => owned).map(([path]) => path));

/** Puts a configuration into a value: what it says replaces, what it does not say stays. */
export function merged(base: unknown, config: unknown, schema: MergeSchema): unknown {
  if (schema.kind === 'granular' && isFields(config)) {
    const result: Record<string, unknown> = isFields(base) ? { ...base } : {};
    for (const [name, value] of Object.entries(config)) {
      if (value === null) Reflect.deleteProperty(result, name);
      else result[name] = merged(result[name], value, schema.field(name));
    }
    return result;
  }
  if (!Array.isArray(config) || (schema.kind !== 'keyed' && schema.kind !== 'set')) return config;
  const item = schema.kind === 'keyed' ? schema.item : plain;
  const has = keyedBy(Array.isArray(base) ? base : [], schema);
  const wants = keyedBy(config, schema);
  return orderOf([...has.keys()], [...wants.keys()]).map((element) =>
    wants.has(element) ? merged(has.get(element), wants.get(element), item) : has.get(element),
  );
}

const keyedBy = (items: readonly unknown[], schema: MergeSchema): Map<string, unknown> =>
  new Map(items.map((item) => [elementOf(item, schema), item]));

/**
 * The items of both lists, in the order of the second one; what only the first has keeps its place as far as it can. The
 * outcome is that of structured-merge-diff, which no sentence describes better than its steps.
 */
function orderOf(has: readonly string[], wants: readonly string[]): string[] {
  const order: string[] = [];
  const wanted = new Set(wants);
  const known = new Set(has);
  const shared = wants.filter((element) => known.has(element));
  let [left, right, next] = [0, 0, 0];
  while (left < has.length || right < wants.length) {
    const [mine, theirs] = [has[left], wants[right]];
    if (mine !== undefined && !wanted.has(mine)) {
      order.push(mine);
      left++;
    } else if (mine === theirs) {
      order.push(mine ?? '');
      left++;
      right++;
      next++;
    } else if (
      theirs === undefined ||
      (mine !== undefined && next < shared.length && mine !== shared[next])
    ) {
      left++;
    } else {
      order.push(theirs);
      right++;
      if (theirs === shared[next]) next++;
    }
  }
  return order;
}

/** The value without these parts. What is emptied by that is gone, too. */
export function removed(
  value: unknown,
  paths: FieldSet,
  schema: MergeSchema,
  path: FieldPath = '',
): unknown {
  if (schema.kind === 'granular' && isFields(value)) {
    const result: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(value)) {
      const fieldPath = join(path, `f:${name}`);
      if (paths.has(fieldPath)) continue;
      const rest = removed(field, paths, schema.field(name), fieldPath);
      if (rest !== undefined) result[name] = rest;
    }
    return isEmptied(value, result) ? undefined : result;
  }
  if (!Array.isArray(value) || (schema.kind !== 'keyed' && schema.kind !== 'set')) return value;
  const item = schema.kind === 'keyed' ? schema.item : plain;
  const result = value
    .map((entry) => ({ entry: entry as unknown, path: join(path, elementOf(entry, schema)) }))
    .filter(({ path: itemPath }) => !paths.has(itemPath))
    .map(({ entry, path: itemPath }) => removed(entry, paths, item, itemPath));
  return value.length > 0 && result.length === 0 ? undefined : result;
}

const isEmptied = (before: object, after: object): boolean =>
  Object.keys(before).length > 0 && Object.keys(after).length === 0;

/** How managed fields name an item of a list. */
function elementOf(item: unknown, schema: MergeSchema): string {
  if (schema.kind !== 'keyed') return `v:${JSON.stringify(item)}`;
  const fields = isFields(item) ? item : {};
  const key = (of: ListKey): [string, unknown] => [of.name, fields[of.name] ?? of.default];
  const keys = schema.keys.map(key).filter(([, value]) => value !== undefined);
  return `k:${canonical(Object.fromEntries(keys))}`;
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
