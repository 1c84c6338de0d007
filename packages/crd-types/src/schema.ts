// SPDX-License-Identifier: Apache-2.0
import { Type, type Static, type TObject, type TSchema } from 'typebox';

/** A rule of the Common Expression Language with its twin in TypeScript, for where no API server is. */
export interface CelRule<T> {
  readonly rule: string;
  /** What is wrong when the rule does not hold. */
  readonly message: string;
  /** Whether the rule holds for a value that has passed the rest of the schema. */
  readonly holds: (self: T) => boolean;
}

/** What schemas carry beyond JSON Schema. */
export interface KubernetesKeywords {
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly CelRule<never>[];
}

/** Every field of a value, however deep, as something to read. */
export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The type of the values that a schema admits, after defaulting. */
export type Admitted<S extends TSchema> = DeepReadonly<Static<S>>;

/** One of the given words. */
export const oneOf = <const Words extends readonly string[]>(
  words: Words,
  options: { readonly description?: string } = {},
) => Type.Unsafe<Words[number]>({ type: 'string', enum: words, ...options });

/** A field that clients may leave out and readers always find. */
export const withDefault = <S extends TSchema>(schema: S, value: Static<S>): S => ({
  ...schema,
  default: value,
});

/** The schema, and rules that look at more than one field of it. */
export const withRules = <S extends TSchema>(
  schema: S,
  rules: readonly CelRule<Admitted<S>>[],
): S => ({ ...schema, 'x-kubernetes-validations': rules });

/** A list whose items are told apart by the field `key`. */
export const listByKey = <S extends TObject>(
  item: S,
  key: keyof Static<S> & string,
  options: { readonly maxItems?: number; readonly description?: string } = {},
) =>
  Type.Array(item, {
    ...options,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
  });

/** A whole number of 32 bits. */
export const int32 = (
  options: {
    readonly minimum?: number;
    readonly maximum?: number;
    readonly description?: string;
  } = {},
) => Type.Integer({ format: 'int32', minimum: -(2 ** 31), maximum: 2 ** 31 - 1, ...options });
