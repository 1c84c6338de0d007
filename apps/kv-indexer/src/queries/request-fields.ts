// SPDX-License-Identifier: Apache-2.0
import { RequestError } from './request-error.ts';

/** A JSON object as a client sent it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The body, if it is an object. Throws {@link RequestError}, as all others here. */
export function readObject(body: unknown): JsonObject {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) {
    // What is an object and no list may be asked for any field.
    return body as JsonObject;
  }
  throw new RequestError('body', 'expected a JSON object');
}

/** A text that must be there. */
export function readText(body: JsonObject, field: string): string {
  const value = readOptionalText(body, field);
  if (value === undefined) throw new RequestError(field, 'is missing');
  return value;
}

/** A text that may be left out or null, and must not be empty. */
export function readOptionalText(body: JsonObject, field: string): string | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'string')
    throw new RequestError(field, `expected a string, got ${kindOf(value)}`);
  if (value === '') throw new RequestError(field, 'must not be empty');
  return value;
}

/** Token ids; undefined where there are none. */
export function readOptionalTokens(body: JsonObject, field: string): Uint32Array | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined) return undefined;
  const list = asList(value, field);
  const tokens = new Uint32Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const id = list[i];
    if (typeof id !== 'number' || id !== id >>> 0) {
      throw new RequestError(
        `${field}[${i}]`,
        `expected a whole number below 2^32, got ${shown(id)}`,
      );
    }
    tokens[i] = id;
  }
  return tokens;
}

/** Token ids that must be there. */
export function readTokens(body: JsonObject, field: string): Uint32Array {
  const tokens = readOptionalTokens(body, field);
  if (tokens === undefined) throw new RequestError(field, 'is missing');
  return tokens;
}

const MOST_U64 = (1n << 64n) - 1n;

/** Request keys as pairs of words, low half first: from decimal or `0x` strings, or from numbers below 2^53. */
export function readHashes(body: JsonObject, field: string): Uint32Array {
  const list = asList(body[field] ?? [], field);
  if (list.length === 0) throw new RequestError(field, 'expected at least one hash');
  const keys = new Uint32Array(2 * list.length);
  for (let i = 0; i < list.length; i++) {
    const key = asHash(list[i], `${field}[${i}]`);
    keys[2 * i] = Number(key & 0xffff_ffffn);
    keys[2 * i + 1] = Number(key >> 32n);
  }
  return keys;
}

function asHash(value: unknown, place: string): bigint {
  if (typeof value === 'number' && value >= 0 && Number.isInteger(value)) {
    if (Number.isSafeInteger(value)) return BigInt(value);
    throw new RequestError(place, 'numbers from 2^53 on lose digits in JSON: send it as a string');
  }
  if (typeof value === 'string' && /^(\d{1,20}|0x[\da-f]{1,16})$/i.test(value)) {
    const key = BigInt(value);
    if (key <= MOST_U64) return key;
  }
  throw new RequestError(place, `expected a whole number below 2^64, got ${shown(value)}`);
}

function asList(value: unknown, field: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new RequestError(field, `expected a list, got ${kindOf(value)}`);
}

const kindOf = (value: unknown): string => (Array.isArray(value) ? 'a list' : `a ${typeof value}`);

/** Values of clients may be long, and may be a prompt. */
const shown = (value: unknown): string =>
  typeof value === 'number' || value === null ? String(value) : kindOf(value);
