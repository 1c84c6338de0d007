// SPDX-License-Identifier: Apache-2.0
import { Type, type Static, type TObject, type TProperties, type TSchema } from 'typebox';

/** A rule of the Common Expression Language with its twin in TypeScript, for where no API server is. */
export interface CelRule<T> {
  readonly rule: string;
  /** What is wrong when the rule does not hold. */
  readonly message: string;
  /** Whether the rule holds for a value that has passed the rest of the schema. */
  readonly holds: (self: T) => boolean;
}

/** A rule about a change (`oldSelf`): it is asked only where the value was there before. */
export interface CelTransitionRule<T> {
  readonly rule: string;
  readonly message: string;
  /** Whether the value may become `self` when it was `oldSelf`. */
  readonly allows: (self: T, oldSelf: T) => boolean;
}

/** What schemas carry beyond JSON Schema. */
export interface KubernetesKeywords {
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly (CelRule<never> | CelTransitionRule<never>)[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-int-or-string'?: true;
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
  rules: readonly (CelRule<Admitted<S>> | CelTransitionRule<Admitted<S>>)[],
): S => ({ ...schema, 'x-kubernetes-validations': rules });

/** A list whose items are told apart by the field `key`. */
export const listByKey = <S extends TSchema>(
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

/** An object of which only `fields` are known; whatever else it has is kept as it is, nulls included. */
export const openObject = <Fields extends TProperties>(
  fields: Fields,
  options: { readonly description?: string } = {},
) =>
  Type.Unsafe<Static<TObject<Fields>> & Record<string, unknown>>({
    ...Type.Object(fields),
    ...options,
    'x-kubernetes-preserve-unknown-fields': true,
  });

/** Text for every key. */
export const textMap = (options: { readonly description?: string } = {}) =>
  Type.Unsafe<Record<string, string>>({
    type: 'object',
    additionalProperties: { type: 'string' },
    ...options,
  });

/** A number or text, such as `1` or `25%`. */
export const intOrString = (
  options: { readonly pattern?: string; readonly description?: string } = {},
) =>
  Type.Unsafe<number | string>({
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    ...options,
  });

/** An amount, such as `20Gi`. */
export const quantity = (options: { readonly description?: string } = {}) =>
  intOrString({
    pattern:
      '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
    ...options,
  });
