import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { headerBasedTestingFilter } from './header-based-testing-filter.ts';

const candidates = [
  makeEndpoint('a').at('10.0.0.1', 3000),
  makeEndpoint('b').at('10.0.0.1', 3002),
  makeEndpoint('c').at('10.0.0.2', 3000),
  makeEndpoint('d').at('fd00::1', 3000),
];

test.each([
  ['10.0.0.1', 'ab'],
  ['10.0.0.1:3002', 'b'],
  ['10.0.0.2, 10.0.0.1:3000', 'ac'],
  ['fd00::1', 'd'],
  ['[fd00::1]', 'd'],
  ['[fd00::1]:3000', 'd'],
  ['10.0.0.9', ''],
  ['10.0.0', ''],
  ['', ''],
])('the testing filter keeps what the header lists: %s', (value, expected) => {
  const request = { headers: new Map([['test-epp-endpoint-selection', value]]) };
  const { filter } = makePlugin(headerBasedTestingFilter);
  const kept = filter?.filter(makeCycle({ request }), candidates) ?? [];
  expect(kept.map(({ name }) => name).join('')).toBe(expected);
});

test('the testing filter keeps nobody without the header', () => {
  expect(makePlugin(headerBasedTestingFilter).filter?.filter(makeCycle(), candidates)).toEqual([]);
});
