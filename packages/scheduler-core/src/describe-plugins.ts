// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { AnyPluginDefinition, ExtensionPoint } from './plugin-definition.ts';
import type { PluginRegistry } from './plugin-registry.ts';

/** One parameter of a plugin type. */
export interface ParameterDescription {
  /** Dotted where it is inside another one; `[]` stands for every item of a list. */
  readonly name: string;
  /** `string`, `integer`, `a | b`, `list of string`, … */
  readonly type: string;
  /** As JSON; absent where there is none. */
  readonly default?: unknown;
  readonly required: boolean;
  readonly description: string;
}

/** What the reference page says of one plugin type. */
export interface PluginDescription {
  readonly type: string;
  readonly summary: string;
  readonly points: readonly ExtensionPoint[];
  readonly stability: AnyPluginDefinition['stability'];
  /** What to use instead. Absent where the type is not deprecated. */
  readonly deprecated?: string;
  readonly parameters: readonly ParameterDescription[];
}

/** The plugin reference as data, in the registry's order. */
export function describePlugins(registry: PluginRegistry): readonly PluginDescription[] {
  return registry.definitions.map((definition) => ({
    type: definition.type,
    summary: definition.summary,
    points: definition.points,
    stability: definition.stability,
    ...(definition.deprecated !== undefined && { deprecated: definition.deprecated }),
    parameters: describeFields(schemaOf(definition.parameters), ''),
  }));
}

/** The members of a JSON Schema that parameter schemas give rise to. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
}

// JSON Schema has more members; those listed above have these types wherever they occur.
const schemaOf = (parameters: z.ZodType): JsonSchema =>
  z.toJSONSchema(parameters, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

function describeFields(schema: JsonSchema, prefix: string): ParameterDescription[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
    const name = prefix + key;
    const below = describeFields(field, `${name}.`);
    const items = describeFields(field.items ?? {}, `${name}[].`);
    const own: ParameterDescription = {
      name,
      type: typeOf(field),
      // An object's default is that of its fields.
      ...(field.default === undefined || below.length > 0 ? {} : { default: field.default }),
      required: schema.required?.includes(key) ?? false,
      description: field.description ?? '',
    };
    return [own, ...below, ...items];
  });
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map(String).join(' | ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`;
  if (typeof schema.additionalProperties === 'object') {
    return `map of ${typeOf(schema.additionalProperties)}`;
  }
  return typeof schema.type === 'string' ? schema.type : (schema.type?.join(' | ') ?? 'any');
}
