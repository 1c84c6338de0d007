// SPDX-License-Identifier: Apache-2.0
import type * as z from 'zod';
import { didYouMean } from './closest-name.ts';

/** What a schema objects to, in the words of configuration files. */
export function issueMessage(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `missing; expected ${nameOf(issue.expected)}`
        : `expected ${nameOf(issue.expected)}, got ${describeValue(issue.input)}`;
    case 'invalid_value': {
      const values = issue.values.map(String);
      const hint = typeof issue.input === 'string' ? didYouMean(issue.input, values) : '';
      const choice = values.length === 1 ? values.join('') : `one of ${values.join(', ')}`;
      return `expected ${choice}, got ${describeValue(issue.input)}${hint}`;
    }
    case 'invalid_union':
      return unionMessage(issue);
    case 'too_small':
      if (hasLength(issue.origin) && issue.minimum === 1) return 'must not be empty';
      return `${extent(issue.origin)} ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `${extent(issue.origin)} ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    default:
      return issue.message;
  }
}

/** A schema with a message of its own keeps it; else the kinds of value it takes are listed. */
function unionMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  const expected = issue.errors.flatMap(([first]) =>
    first?.code === 'invalid_type' ? nameOf(first.expected) : [],
  );
  if (issue.message !== 'Invalid input' || expected.length === 0) return issue.message;
  return `expected ${expected.join(' or ')}, got ${describeValue(issue.input)}`;
}

const hasLength = (origin: string): boolean => origin === 'string' || origin === 'array';
const extent = (origin: string): string =>
  hasLength(origin) ? 'must have a length of' : 'must be';

const NAMES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

const nameOf = (type: string): string => NAMES[type] ?? `a ${type}`;

function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : JSON.stringify(value);
}
