// SPDX-License-Identifier: Apache-2.0
import type { Struct, StructInit, Value, ValueInit } from '@llm-d/protos';

/** What a `google.protobuf.Struct` carries. */
export type Plain = null | boolean | number | string | readonly Plain[] | PlainStruct;
/** Named values. */
export interface PlainStruct {
  readonly [name: string]: Plain;
}

/** A struct as plain data. */
export const plainOf = (struct: Struct): PlainStruct =>
  Object.fromEntries(Object.entries(struct.fields).map(([name, value]) => [name, plain(value)]));

function plain(value: Value): Plain {
  if (value.structValue !== null) return plainOf(value.structValue);
  if (value.listValue !== null) return value.listValue.values.map(plain);
  return value.stringValue ?? value.numberValue ?? value.boolValue;
}

/** Plain data as a struct. */
export const structOf = (values: PlainStruct): StructInit => ({
  fields: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, wire(value)])),
});

function wire(value: Plain): ValueInit {
  if (value === null) return { nullValue: 0 };
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (isList(value)) return { listValue: { values: value.map(wire) } };
  return { structValue: structOf(value) };
}

// Array.isArray does not narrow readonly arrays away.
const isList = (value: readonly Plain[] | PlainStruct): value is readonly Plain[] =>
  Array.isArray(value);

/** The value at a path of names; undefined where there is none. */
export function at(values: PlainStruct | undefined, ...path: readonly string[]): Plain | undefined {
  let here: Plain | undefined = values;
  for (const name of path) {
    if (typeof here !== 'object' || here === null || isList(here)) return undefined;
    here = here[name];
  }
  return here;
}
