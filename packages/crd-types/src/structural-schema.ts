// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from 'typebox';
import type { CelRule, CelTransitionRule } from './schema.ts';

/** The part of JSON Schema that our schemas use, to be read field by field. */
export interface SchemaNode {
  readonly type?: string;
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly (CelRule<never> | CelTransitionRule<never>)[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/** A schema as what it is made of. TypeBox schemas are plain JSON Schema objects. */
export const nodeOf = (schema: TSchema): SchemaNode => schema;

/**
 * The schema as a CustomResourceDefinition has it: fields with a default are not required there, since the API server
 * checks after it has filled them in, and rules travel without their twins.
 */
export function toStructuralSchema(node: SchemaNode): object {
  const { required, properties, additionalProperties, items, ...rest } = node;
  const rules = node['x-kubernetes-validations'];
  const needed = required?.filter((name) => properties?.[name]?.default === undefined) ?? [];
  return {
    ...rest,
    ...(properties && { properties: mapValues(properties, toStructuralSchema) }),
    ...(additionalProperties && { additionalProperties: toStructuralSchema(additionalProperties) }),
    ...(items && { items: toStructuralSchema(items) }),
    ...(needed.length > 0 && { required: needed }),
    ...(rules && {
      'x-kubernetes-validations': rules.map(({ rule, message }) => ({ rule, message })),
    }),
  };
}

const mapValues = (
  fields: Readonly<Record<string, SchemaNode>>,
  map: (node: SchemaNode) => object,
): Record<string, object> =>
  Object.fromEntries(Object.entries(fields).map(([name, node]) => [name, map(node)]));
