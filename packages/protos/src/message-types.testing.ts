// SPDX-License-Identifier: Apache-2.0
// TypeScript for a parsed schema: for every message the type that decoding gives and the type that encoding takes.
import protobuf from 'protobufjs';

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  bytes: 'Uint8Array',
  bool: 'boolean',
};

type Flavour = 'decoded' | 'init';

/** Every message and enum below `root` as TypeScript, in the order of the schema. */
export function typesOf(root: protobuf.NamespaceBase): string {
  return root.nestedArray.map((node) => declarationOf(node)).join('');
}

function declarationOf(node: protobuf.ReflectionObject): string {
  if (node instanceof protobuf.Enum) return enumOf(node);
  if (node instanceof protobuf.Type && !isMapEntry(node))
    return interfaceOf(node, 'decoded') + interfaceOf(node, 'init') + typesOf(node);
  return node instanceof protobuf.Namespace ? typesOf(node) : '';
}

const isMapEntry = (type: protobuf.Type): boolean => type.options?.['map_entry'] === true;

function enumOf(node: protobuf.Enum): string {
  const values = Object.entries(node.values).map(([key, value]) => `  ${key}: ${value},\n`);
  return (
    `\n${docOf(node)}export const ${node.name} = {\n${values.join('')}} as const;\n` +
    `export type ${node.name} = (typeof ${node.name})[keyof typeof ${node.name}];\n`
  );
}

function interfaceOf(type: protobuf.Type, flavour: Flavour): string {
  const fields = type.fieldsArray.map((field) => `  ${fieldOf(field, flavour)};\n`);
  const name = nameOf(type, flavour);
  if (fields.length === 0)
    return `\n${docOf(type)}export type ${name} = Readonly<Record<never, never>>;\n`;
  const oneofs = type.oneofsArray
    .filter((oneof) => flavour === 'decoded' && !oneof.isProto3Optional)
    .map(
      (oneof) =>
        `  readonly ${oneof.name}?: ${oneof.fieldsArray.map((f) => `'${f.name}'`).join(' | ')};\n`,
    );
  return `\n${docOf(type)}export interface ${name} {\n${fields.join('')}${oneofs.join('')}}\n`;
}

/** Decoding fills scalars with their defaults and leaves absent messages null; encoding may leave out anything. */
function fieldOf(field: protobuf.Field, flavour: Flavour): string {
  const one = elementOf(field, flavour);
  const doc = field.comment === null ? '' : `/** ${field.comment} */\n  `;
  const optional = flavour === 'init' ? '?' : '';
  const none = flavour === 'init' ? ' | null | undefined' : '';
  const value = (type: string) => `${doc}readonly ${field.name}${optional}: ${type}`;
  if (field.map) return value(`Readonly<Record<string, ${one}>>${none}`);
  if (field.repeated) return value(`readonly ${one}[]${none}`);
  const absent = field.partOf !== null || field.resolvedType instanceof protobuf.Type;
  return value(one + (flavour === 'decoded' && absent ? ' | null' : none));
}

function elementOf(field: protobuf.Field, flavour: Flavour): string {
  const type = field.resolvedType;
  if (type instanceof protobuf.Type) return nameOf(type, flavour);
  // A peer may send numbers that this version of the schema has no name for.
  if (type instanceof protobuf.Enum)
    return flavour === 'decoded' ? 'number' : `${type.name} | (number & {})`;
  return scalars[field.type] ?? 'number';
}

const nameOf = (type: protobuf.Type, flavour: Flavour): string =>
  flavour === 'decoded' ? type.name : `${type.name}Init`;

const docOf = (node: protobuf.ReflectionObject): string =>
  `/** \`${node.fullName.slice(1)}\`.${node.comment === null ? '' : ` ${node.comment}`} */\n`;
