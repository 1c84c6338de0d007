// SPDX-License-Identifier: Apache-2.0

/**
 * Names a part of an object as managed fields do: `f:NAME` a field, `k:{...}` an item of a list by its keys, `v:VALUE` a
 * value of a set; joined by {@link join}.
 */
export type FieldPath = string;

/** Parts of an object. */
export type FieldSet = ReadonlySet<FieldPath>;

/** No element has it: names of fields are printable. */
const SEPARATOR = '\u0000';

export const join = (path: FieldPath, element: string): FieldPath =>
  path === '' ? element : `${path}${SEPARATOR}${element}`;

export const elementsOf = (path: FieldPath): string[] => path.split(SEPARATOR);

/** Whether a path is this one or within it. */
export const isWithin = (path: FieldPath, outer: FieldPath): boolean =>
  path === outer || path.startsWith(outer + SEPARATOR);

export const union = (...sets: readonly FieldSet[]): Set<FieldPath> =>
  new Set(sets.flatMap((set) => [...set]));

export const without = (set: FieldSet, others: FieldSet): Set<FieldPath> =>
  new Set([...set].filter((path) => !others.has(path)));

export const both = (set: FieldSet, other: FieldSet): Set<FieldPath> =>
  new Set([...set].filter((path) => other.has(path)));

export const isSameSet = (a: FieldSet, b: FieldSet): boolean =>
  a.size === b.size && [...a].every((path) => b.has(path));

/** The set and the fields that its members are in. Items of lists do not belong to whoever owns something of them. */
export function withParents(set: FieldSet): Set<FieldPath> {
  const all = new Set(set);
  for (const path of set) {
    const elements = elementsOf(path);
    for (let length = elements.length - 1; length > 0; length--) {
      if (elements[length - 1]?.startsWith('f:') === true) {
        all.add(elements.slice(0, length).join(SEPARATOR));
      }
    }
  }
  return all;
}

/** `fieldsV1` of managed fields: members are leaves, or have a dot. */
interface FieldTree {
  [element: string]: FieldTree;
}

export function toFieldsV1(set: FieldSet): object {
  const root: FieldTree = {};
  for (const path of [...set].sort()) {
    let node = root;
    for (const element of elementsOf(path)) node = node[element] ??= {};
  }
  // A path sorts before what is within it, so what has members of its own is known by now.
  for (const path of set) {
    let node = root;
    for (const element of elementsOf(path)) node = node[element] ?? {};
    if (Object.keys(node).length > 0) node['.'] = {};
  }
  return root;
}

export function fromFieldsV1(fields: object): Set<FieldPath> {
  const set = new Set<FieldPath>();
  const visit = (node: FieldTree, path: FieldPath): void => {
    const elements = Object.keys(node).filter((element) => element !== '.');
    if (path !== '' && (elements.length === 0 || '.' in node)) set.add(path);
    for (const element of elements) visit(node[element] ?? {}, join(path, element));
  };
  // Nothing but such trees is written there.
  visit(fields as FieldTree, '');
  return set;
}

/** A path for people, such as `.spec.containers[name="app"].image`. */
export const printed = (path: FieldPath): string => elementsOf(path).map(printedElement).join('');

function printedElement(element: string): string {
  const rest = element.slice('f:'.length);
  if (element.startsWith('f:')) return `.${rest}`;
  if (element.startsWith('v:')) return `[=${rest}]`;
  // Written by `elementOf`.
  const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}
