import { expect, test } from 'vitest';
import * as z from 'zod';
import { issueMessage } from './issue-message.ts';

test.each<[string, z.ZodType, unknown]>([
  ['missing; expected a string', z.string(), undefined],
  ['expected a mapping, got a list', z.strictObject({}), []],
  ['expected a list, got a mapping', z.array(z.string()), {}],
  ['expected a whole number, got 1.5', z.int(), 1.5],
  ['expected one of in, out, got "inn"; did you mean "in"?', z.enum(['in', 'out']), 'inn'],
  ['expected yes, got nothing', z.literal('yes'), undefined],
  ['expected a string or a number, got true', z.union([z.string(), z.number()]), true],
  ['expected a colour', z.union([z.string(), z.number()], { error: 'expected a colour' }), true],
  ['must not be empty', z.string().min(1), ''],
  ['must have a length of at least 2', z.array(z.string()).min(2), ['a']],
  ['must have a length of at most 1', z.string().max(1), 'ab'],
  ['must be more than 0', z.number().positive(), 0],
  ['must be at most 1', z.number().max(1), 2],
  ['must be less than 1', z.number().lt(1), 1],
  ['it is odd', z.number().refine((value) => value % 2 === 0, { error: 'it is odd' }), 3],
])('a schema says: %s', (message, schema, value) => {
  const [issue] = schema.safeParse(value, { reportInput: true }).error?.issues ?? [];
  expect(issue && issueMessage(issue)).toBe(message);
});
