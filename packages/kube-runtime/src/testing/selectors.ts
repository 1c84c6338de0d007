// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import { badRequest } from './refusal.ts';

/** Whether an object is selected. */
export type Selector = (object: KubeObject) => boolean;

/** Reads a label selector such as `app=vllm,role in (a, b),!old`. An empty one selects everything. */
export function labelSelector(text: string): Selector {
  const requirements = splitOutsideParentheses(text).map(labelRequirement);
  return ({ metadata }) => requirements.every((holds) => holds(metadata.labels ?? {}));
}

/** Reads a field selector such as `metadata.name=a,status.phase!=Failed`. An empty one selects everything. */
export function fieldSelector(text: string): Selector {
  const requirements = splitOutsideParentheses(text).map((part) => {
    const match = /^([\w.]+)(!=|==|=)(.*)$/.exec(part);
    if (match === null) throw badRequest(`invalid field selector: ${part}`);
    const [, path = '', operator = '', value = ''] = match;
    return (object: KubeObject): boolean =>
      (fieldOf(object, path) === value) === (operator !== '!=');
  });
  return (object) => requirements.every((holds) => holds(object));
}

type Labels = Readonly<Record<string, string>>;

function labelRequirement(part: string): (labels: Labels) => boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = '', operator = '', list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? '\0') === (operator === 'in');
  }
  const equality = /^([^=!\s]+)\s*(!=|==|=)\s*(\S*)$/.exec(part);
  if (equality !== null) {
    const [, key = '', operator = '', value = ''] = equality;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const presence = /^(!?)([\w./-]+)$/.exec(part);
  if (presence === null) throw badRequest(`invalid label selector: ${part}`);
  const [, not = '', key = ''] = presence;
  return (labels) => (labels[key] !== undefined) === (not === '');
}

const splitOutsideParentheses = (text: string): string[] =>
  text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

function fieldOf(object: KubeObject, path: string): string {
  let value: unknown = object;
  for (const name of path.split('.')) {
    value =
      typeof value === 'object' && value !== null
        ? (value as Readonly<Record<string, unknown>>)[name]
        : undefined;
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
