// SPDX-License-Identifier: Apache-2.0
import { validationError } from './api-error.ts';

/** A JSON object of a request, read field by field with vLLM's words for what is wrong. */
export class JsonBody {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  private constructor(fields: Readonly<Record<string, unknown>>, path: string) {
    this.#fields = fields;
    this.#path = path;
  }

  /** @throws ApiError if the bytes are not a JSON object. */
  static parse(bytes: Buffer): JsonBody {
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString('utf8'));
    } catch (error) {
      const at = /position (\d+)/.exec(String(error))?.[1] ?? String(bytes.length);
      throw validationError({
        type: 'json_invalid',
        loc: `body.${at}`,
        msg: 'JSON decode error',
        input: pythonText({}),
        ctx: 'Expecting value',
      });
    }
    return JsonBody.of(value, 'body');
  }

  static of(value: unknown, path: string): JsonBody {
    if (!isObject(value)) {
      const msg = 'Input should be a valid dictionary or object to extract fields from';
      throw validationError({
        type: 'model_attributes_type',
        loc: path,
        msg,
        input: pythonText(value),
      });
    }
    return new JsonBody(value, path);
  }

  /** The field as it came; null and absent are undefined. */
  get(name: string): unknown {
    return this.#fields[name] ?? undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Fails as vLLM does for a field that has to be there. */
  missing(name: string): Error {
    return this.fault(name, 'missing', 'Field required', this.#fields);
  }

  fault(name: string, type: string, msg: string, input: unknown = this.get(name)): Error {
    return validationError({ type, loc: `${this.#path}.${name}`, msg, input: pythonText(input) });
  }

  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const number =
      typeof value === 'string' && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number)) return number;
    const msg = 'Input should be a valid integer';
    if (typeof value === 'string') {
      throw this.fault(name, 'int_parsing', `${msg}, unable to parse string as an integer`);
    }
    if (typeof value === 'number') {
      throw this.fault(name, 'int_from_float', `${msg}, got a number with a fractional part`);
    }
    throw this.fault(name, 'int_type', msg);
  }

  number(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    const msg = 'Input should be a valid number';
    if (typeof value === 'string') {
      throw this.fault(name, 'float_parsing', `${msg}, unable to parse string as a number`);
    }
    throw this.fault(name, 'float_type', msg);
  }

  boolean(name: string): boolean | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.fault(name, 'bool_type', 'Input should be a valid boolean');
  }

  string(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.fault(name, 'string_type', 'Input should be a valid string');
  }

  array(name: string): readonly unknown[] | undefined {
    const value = this.get(name);
    if (value === undefined || Array.isArray(value)) return value;
    throw this.fault(name, 'list_type', 'Input should be a valid list');
  }

  object(name: string): JsonBody | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : JsonBody.of(value, `${this.#path}.${name}`);
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as vLLM quotes it: containers by their size only. */
function pythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `'<list of ${value.length} items>'`;
  if (isObject(value)) return `'<dict of ${Object.keys(value).length} items>'`;
  return JSON.stringify(value);
}
