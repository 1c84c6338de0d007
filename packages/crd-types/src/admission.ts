// SPDX-License-Identifier: Apache-2.0
import Schema from 'typebox/schema';
import type { TSchema } from 'typebox';
import type { CustomResource } from './custom-resource.ts';
import { apiVersionOf, type KubeObject } from './kube-object.ts';
import { nodeOf, type SchemaNode } from './structural-schema.ts';

/** What is wrong with an object, and where. */
export interface Problem {
  /** Such as `spec.targetPorts[0].number`. */
  readonly path: string;
  readonly message: string;
}

/** Whether an object may be stored: the object as it would be, or what is wrong. */
export type Admission<T> =
  | { readonly admitted: true; readonly object: T }
  | { readonly admitted: false; readonly problems: readonly Problem[] };

/** What an admission depends on beside the object. */
export interface AdmitOptions<T extends KubeObject> {
  /** The object as it is stored; rules about changes are asked only with it. Default: the object is new. */
  readonly previous?: T;
}

/**
 * Does what an API server with the resource's CRD does to an object that is not its own yet: unknown fields and nulls
 * are dropped, defaults filled in, and the result checked, rules included. The argument stays as it is.
 */
export function admit<T extends KubeObject>(
  resource: CustomResource<T>,
  value: unknown,
  { previous }: AdmitOptions<T> = {},
): Admission<T> {
  if (!isRecord(value)) return refused([{ path: '', message: 'must be an object' }]);
  const problems = [...identityProblems(resource, value)];
  const object: Record<string, unknown> = {
    apiVersion: value['apiVersion'],
    kind: value['kind'],
    metadata: value['metadata'],
  };
  for (const part of ['spec', 'status'] as const) {
    const given = value[part] ?? undefined;
    if (given === undefined) {
      if (part === 'spec' && resource.specRequired) {
        problems.push({ path: 'spec', message: 'is required' });
      }
      continue;
    }
    object[part] = complete(nodeOf(resource[part]), given);
    const before = isRecord(previous) ? previous[part] : undefined;
    problems.push(...check(resource[part], { self: object[part], oldSelf: before, path: part }));
  }
  // The checks have just proved it.
  return problems.length > 0
    ? refused(problems)
    : { admitted: true, object: object as unknown as T };
}

const refused = (problems: readonly Problem[]) => ({ admitted: false, problems }) as const;

function* identityProblems(
  resource: CustomResource,
  value: Readonly<Record<string, unknown>>,
): Generator<Problem> {
  const apiVersion = apiVersionOf(resource);
  if (value['apiVersion'] !== apiVersion) {
    yield { path: 'apiVersion', message: `must be ${apiVersion}` };
  }
  if (value['kind'] !== resource.kind) yield { path: 'kind', message: `must be ${resource.kind}` };
  const name = isRecord(value['metadata']) ? value['metadata']['name'] : undefined;
  if (typeof name !== 'string' || name.length > 253 || !SUBDOMAIN.test(name)) {
    yield { path: 'metadata.name', message: 'must be a lower case RFC 1123 subdomain' };
  }
}

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** A copy without unknown fields and nulls, with defaults. What has the wrong type is left for the check. */
function complete(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined ? value : value.map((item: unknown) => complete(items, item));
  }
  if (!isRecord(value) || node.type !== 'object') return value;
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    const known = own(node.properties, name) ?? node.additionalProperties;
    const absent = field === null || field === undefined;
    if (known !== undefined) {
      if (!absent) result[name] = complete(known, field);
    } else if (node['x-kubernetes-preserve-unknown-fields'] === true && field !== undefined) {
      result[name] = structuredClone(field);
    }
  }
  for (const [name, known] of Object.entries(node.properties ?? {})) {
    if (known.default !== undefined && !Object.hasOwn(result, name)) {
      result[name] = structuredClone(known.default);
    }
  }
  return result;
}

/** A value with its place, and what stood there before. */
interface Checked {
  readonly self: unknown;
  readonly oldSelf: unknown;
  readonly path: string;
}

function check(schema: TSchema, checked: Checked): readonly Problem[] {
  const { self, path } = checked;
  const [valid, errors] = validatorOf(schema).Errors(self);
  if (!valid) {
    return errors.map(({ instancePath, message }) => ({
      path: path + readable(instancePath),
      message,
    }));
  }
  return [...deepProblems(nodeOf(schema), checked)];
}

const validators = new WeakMap<TSchema, ReturnType<typeof Schema.Compile>>();

function validatorOf(schema: TSchema): ReturnType<typeof Schema.Compile> {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Schema.Compile(schema);
    validators.set(schema, validator);
  }
  return validator;
}

/** What JSON Schema cannot say: list keys that repeat, and rules. */
function* deepProblems(node: SchemaNode, { self, oldSelf, path }: Checked): Generator<Problem> {
  if (Array.isArray(self)) {
    const items: readonly unknown[] = self;
    yield* repeatedKeys(node, items, path);
    for (const [index, item] of items.entries()) {
      // No rule about changes stands inside a list, so what an item was before is not looked for.
      const inner = { self: item, oldSelf: undefined, path: `${path}[${index}]` };
      if (node.items) yield* deepProblems(node.items, inner);
    }
  } else if (isRecord(self)) {
    for (const [name, field] of Object.entries(self)) {
      const known = own(node.properties, name);
      const before = isRecord(oldSelf) ? own(oldSelf, name) : undefined;
      const inner = { self: field, oldSelf: before, path: `${path}.${name}` };
      if (known) yield* deepProblems(known, inner);
    }
  }
  for (const rule of node['x-kubernetes-validations'] ?? []) {
    // A rule stands on the schema of its own argument, which the value has passed.
    const holds =
      'holds' in rule
        ? rule.holds(self as never)
        : oldSelf === undefined || rule.allows(self as never, oldSelf as never);
    if (!holds) yield { path, message: rule.message };
  }
}

function* repeatedKeys(
  node: SchemaNode,
  items: readonly unknown[],
  path: string,
): Generator<Problem> {
  const keys = node['x-kubernetes-list-map-keys'];
  if (keys === undefined) return;
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const key = JSON.stringify(keys.map((name) => (isRecord(item) ? item[name] : undefined)));
    if (seen.has(key)) yield { path: `${path}[${index}]`, message: `repeats ${keys.join(', ')}` };
    seen.add(key);
  }
}

/** `/a/0/b` as `.a[0].b`. */
const readable = (pointer: string): string =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('');

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const own = <T>(fields: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
