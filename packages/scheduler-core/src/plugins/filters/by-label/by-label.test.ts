import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { byLabel } from './by-label.ts';

const endpoints = [
  makeEndpoint('g').label('tier', 'gold'),
  makeEndpoint('s').label('tier', 'silver'),
  makeEndpoint('x'),
];

test.each([
  [{ label: 'tier', validValues: ['gold'] }, 'g'],
  [{ label: 'tier', validValues: ['gold', 'silver'] }, 'gs'],
  [{ label: 'tier', validValues: ['gold'], allowsNoLabel: true }, 'gx'],
  [{ label: 'tier', allowsNoLabel: true }, 'x'],
  [{ label: 'constructor', allowsNoLabel: true }, 'gsx'],
])('by-label with %j keeps %s', (parameters, expected) => {
  const kept = makePlugin(byLabel, parameters).filter?.filter(makeCycle(), endpoints) ?? [];
  expect(kept.map(({ name }) => name).join('')).toBe(expected);
});

test('by-label refuses parameters that nothing passes', () => {
  expect(byLabel.parameters.safeParse({ label: 'tier' }).error?.issues[0]?.message).toMatch(
    /nothing would pass/,
  );
});
