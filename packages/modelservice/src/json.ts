// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';

/** An object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A Kubernetes object with whatever its kind has. */
export type RenderedObject = KubeObject & JsonObject;

/** Whether a value is an object of JSON. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The field of an object when it is itself an object, else an empty one. */
export const objectAt = (value: unknown, name: string): JsonObject => {
  const field = isObject(value) ? value[name] : undefined;
  return isObject(field) ? field : {};
};

/** The objects of a list field; none where there is no list. */
export const objectsAt = (value: unknown, name: string): readonly JsonObject[] => {
  const field = isObject(value) ? value[name] : undefined;
  return Array.isArray(field) ? field.filter(isObject) : [];
};

/** The texts of a list field; none where there is no list. */
export const textsAt = (value: unknown, name: string): readonly string[] => {
  const field = isObject(value) ? value[name] : undefined;
  return Array.isArray(field) ? field.filter((item) => typeof item === 'string') : [];
};

/** The object without fields that are undefined, so that it compares and prints as JSON would. */
export const defined = <T extends object>(
  fields: T,
): { [K in keyof T]: Exclude<T[K], undefined> } =>
  // Only fields that are there are left, which is what the type says.
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
