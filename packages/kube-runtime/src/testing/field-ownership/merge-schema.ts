// SPDX-License-Identifier: Apache-2.0
import { apiVersionOf, type ResourceType } from '@llm-d/crd-types';
import { builtInDefinitions, builtInKinds } from './built-in-definitions.ts';

/** How a value merges with another one, and who can own what of it. */
export type MergeSchema =
  /** As it looks: an object field by field, anything else as a whole. Fields that are not named are such, too. */
  | { readonly kind: 'granular'; field(name: string): MergeSchema }
  /** As a whole, even if it is an object. */
  | { readonly kind: 'atomic' }
  /** A list of different values. */
  | { readonly kind: 'set' }
  /** A list whose items are told apart by some of their fields. */
  | { readonly kind: 'keyed'; readonly keys: readonly ListKey[]; readonly item: MergeSchema };

/** A field that tells items of a list apart. */
export interface ListKey {
  readonly name: string;
  /** What it is where an item leaves it out. */
  readonly default?: string;
}

/** A value of which nothing is known. */
export const plain: MergeSchema = { kind: 'granular', field: () => plain };
const atomic: MergeSchema = { kind: 'atomic' };

const of = (fields: Readonly<Record<string, MergeSchema>>): MergeSchema => ({
  kind: 'granular',
  field: (name) => (Object.hasOwn(fields, name) ? (fields[name] ?? plain) : plain),
});

/**
 * The schema of a type: of one of Kubernetes' own kinds, or what the schema of a custom resource says. Of other types only
 * the metadata is known.
 */
export function mergeSchemaOf(type: ResourceType): MergeSchema {
  const known = builtInKinds[`${apiVersionOf(type)} ${type.kind}`];
  if (known !== undefined) return definition(known);
  const custom = type as Partial<Record<'spec' | 'status', SchemaNode>>;
  return of({
    metadata: definition('ObjectMeta'),
    ...(custom.spec !== undefined && { spec: fromNode(custom.spec) }),
    ...(custom.status !== undefined && { status: fromNode(custom.status) }),
  });
}

const definition = (name: string): MergeSchema => ({
  kind: 'granular',
  field: (field) => {
    const fields = builtInDefinitions[name] ?? {};
    return Object.hasOwn(fields, field) ? notation(fields[field] ?? '') : plain;
  },
});

function notation(text: string): MergeSchema {
  if (text === 'atomic') return atomic;
  if (text === 'set') return { kind: 'set' };
  if (!text.startsWith('by ')) return definition(text);
  const [keys = '', item] = text.slice('by '.length).split(': ');
  return {
    kind: 'keyed',
    keys: keys.split(',').map((key) => {
      const [name = '', value] = key.split('=');
      return { name, ...(value !== undefined && { default: value }) };
    }),
    item: item === undefined ? plain : notation(item),
  };
}

/** The part of a structural schema that says how values merge. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
  readonly default?: unknown;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
}

function fromNode(node: SchemaNode): MergeSchema {
  if (node['x-kubernetes-map-type'] === 'atomic') return atomic;
  const { properties, additionalProperties, items } = node;
  switch (node['x-kubernetes-list-type']) {
    case 'set':
      return { kind: 'set' };
    case 'map':
      return {
        kind: 'keyed',
        keys: (node['x-kubernetes-list-map-keys'] ?? []).map((name) => {
          const value = items?.properties?.[name]?.default;
          return { name, ...(typeof value === 'string' && { default: value }) };
        }),
        item: items === undefined ? plain : fromNode(items),
      };
  }
  if (items !== undefined) return atomic;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(
      ([name, field]) => [name, fromNode(field)] as const,
    );
    return of(Object.fromEntries(fields));
  }
  if (additionalProperties === undefined) return plain;
  const value = fromNode(additionalProperties);
  return { kind: 'granular', field: () => value };
}
