import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { endpointAttributeFilter } from './endpoint-attribute-filter.ts';

const candidates = [
  makeEndpoint('a').metric({ custom: { heat: 1 } }),
  makeEndpoint('b').metric({ custom: { heat: 2 } }),
  makeEndpoint('c').metric({ custom: { heat: 3 } }),
  makeEndpoint('x').metric({ custom: { heat: NaN } }),
];
const threshold = (operator: string, value = 2) => ({
  attribute: 'heat',
  algorithm: { type: 'threshold', threshold: { operator, value } },
});
const kept = (parameters: Record<string, unknown>): string =>
  (makePlugin(endpointAttributeFilter, parameters).filter?.filter(makeCycle(), candidates) ?? [])
    .map(({ name }) => name)
    .join('');

test.each([
  ['LessThan', 'a'],
  ['LessThanOrEqual', 'ab'],
  ['GreaterThan', 'c'],
  ['GreaterThanOrEqual', 'bc'],
  ['Equal', 'b'],
  ['NotEqual', 'ac'],
])('the attribute filter understands %s', (operator, expected) => {
  expect(kept({ ...threshold(operator), onMissing: 'Fail' })).toBe(expected);
});

test('the attribute filter keeps an endpoint without the scalar unless told otherwise', () => {
  expect(kept(threshold('Equal'))).toBe('bx');
});

test('the attribute filter keeps all where none passes, if told so', () => {
  const nobody = { ...threshold('Equal', 9), onMissing: 'Fail' };
  expect(kept(nobody)).toBe('');
  expect(kept({ ...nobody, fallbackOnEmpty: true })).toBe('abcx');
});

test.each([
  [{ ...threshold('Equal'), attribute: '' }],
  [threshold('Like')],
  [{ attribute: 'heat', algorithm: { type: 'threshold' } }],
  [{ attribute: 'heat', algorithm: { type: 'topK' } }],
])('the attribute filter refuses %j', (parameters) => {
  expect(endpointAttributeFilter.parameters.safeParse(parameters).success).toBe(false);
});
