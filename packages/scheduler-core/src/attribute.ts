// SPDX-License-Identifier: Apache-2.0

/**
 * Names a fact about one request that a data producer establishes and other plugins read.
 * The producer is part of the name, so that two instances of one producer type can coexist.
 */
export interface Attribute<T> {
  readonly name: string;
  /** Name of the plugin instance that produces it. */
  readonly producer: string;
  /** Never set; carries the value's type. */
  readonly valueType?: T;
}

/** The attribute `name` as produced by the plugin instance `producer`. */
export function attribute<T>(name: string, producer: string): Attribute<T> {
  return { name, producer };
}

/** Reads a request's attributes. */
export interface AttributeReader {
  /** The value, or undefined where its producer did not run, failed or ran out of time. */
  get<T>(attribute: Attribute<T>): T | undefined;
}

/** The attributes of one request. Created per request, dropped with it. */
export class Attributes implements AttributeReader {
  readonly #values = new Map<string, unknown>();

  get<T>(attribute: Attribute<T>): T | undefined {
    // Sound because `set` is the only writer and is typed by the same attribute.
    return this.#values.get(keyOf(attribute)) as T | undefined;
  }

  /** Forgets all values. */
  clear(): void {
    this.#values.clear();
  }

  /** Sets or replaces a value. */
  set<T>(attribute: Attribute<T>, value: T): void {
    this.#values.set(keyOf(attribute), value);
  }
}

// A name never contains a slash, so the pair is unambiguous.
const keyOf = (attribute: Attribute<unknown>): string => `${attribute.name}/${attribute.producer}`;
