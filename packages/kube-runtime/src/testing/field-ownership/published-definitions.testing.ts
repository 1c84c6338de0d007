// SPDX-License-Identifier: Apache-2.0

/** The part of an OpenAPI document of an API server that says how fields merge. */
export interface OpenApi {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly type?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

/** What a kind says of each of its fields, in the notation of `builtInDefinitions`, by path from the kind down. */
export function publishedFields(
  { components }: OpenApi,
  apiVersion: string,
  kind: string,
): Map<string, string> {
  const { schemas } = components;
  const [name] =
    Object.entries(schemas).find(([, schema]) =>
      schema['x-kubernetes-group-version-kind']?.some(
        (one) =>
          one.kind === kind && [one.group, one.version].filter(Boolean).join('/') === apiVersion,
      ),
    ) ?? [];
  const found = new Map<string, string>();
  const refOf = (schema: Schema): string | undefined =>
    (schema.$ref ?? schema.allOf?.[0]?.$ref)?.split('/').at(-1);
  const visit = (of: string, path: string, within: readonly string[]): void => {
    if (within.includes(of)) return;
    for (const [field, schema] of Object.entries(schemas[of]?.properties ?? {})) {
      const fieldPath = path === '' ? field : `${path}.${field}`;
      const ref = refOf(schema);
      const isAtomic =
        (ref !== undefined && schemas[ref]?.['x-kubernetes-map-type'] === 'atomic') ||
        schema['x-kubernetes-map-type'] === 'atomic';
      if (isAtomic) found.set(fieldPath, 'atomic');
      else if (ref !== undefined) visit(ref, fieldPath, [...within, of]);
      else if (schema['x-kubernetes-list-type'] === 'set') found.set(fieldPath, 'set');
      else if (schema['x-kubernetes-list-type'] === 'map') {
        const item = schema.items === undefined ? undefined : refOf(schema.items);
        const keys = (schema['x-kubernetes-list-map-keys'] ?? []).map((key) => {
          const value = schemas[item ?? '']?.properties?.[key]?.default;
          return typeof value === 'string' && value !== '' ? `${key}=${value}` : key;
        });
        found.set(fieldPath, `by ${keys.join(',')}`);
        if (item === undefined) continue;
        if (schemas[item]?.['x-kubernetes-map-type'] === 'atomic')
          found.set(`${fieldPath}[]`, 'atomic');
        else visit(item, `${fieldPath}[]`, [...within, of]);
      }
    }
  };
  if (name !== undefined) visit(name, '', []);
  return found;
}

/** The same of our own table. */
export function tabledFields(
  definitions: Readonly<Record<string, Readonly<Record<string, string>>>>,
  definition: string,
): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (of: string, path: string): void => {
    for (const [field, text] of Object.entries(definitions[of] ?? {})) {
      const fieldPath = path === '' ? field : `${path}.${field}`;
      const [merge = '', item] = text.split(': ');
      if (merge === 'atomic' || merge === 'set' || merge.startsWith('by '))
        found.set(fieldPath, merge);
      else visit(merge, fieldPath);
      if (item === 'atomic') found.set(`${fieldPath}[]`, 'atomic');
      else if (item !== undefined) visit(item, `${fieldPath}[]`);
    }
  };
  visit(definition, '');
  return found;
}
