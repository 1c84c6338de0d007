import { expect, test } from 'vitest';
import type { Endpoint } from '../../../endpoint.ts';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { roundRobinPicker } from './round-robin-picker.ts';

const [a, b, c] = [makeEndpoint('a'), makeEndpoint('b'), makeEndpoint('c')] as const;

const rotate = (rounds: readonly (readonly Endpoint[])[], max = 1): string[] => {
  const { picker } = makePlugin(roundRobinPicker, { maxNumOfEndpoints: max });
  return rounds.map((endpoints) => {
    const totals = endpoints.map(() => 0);
    return (picker?.pick(makeCycle(), { endpoints, totals }) ?? [])
      .map(({ name }) => name)
      .join('');
  });
};

test.each([
  {
    name: 'takes each in turn by id',
    rounds: [
      [c, a, b],
      [c, a, b],
      [c, a, b],
      [c, a, b],
    ],
    expected: ['a', 'b', 'c', 'a'],
  },
  {
    name: 'goes on behind one that left',
    rounds: [
      [a, b, c],
      [a, b, c],
      [a, c],
      [a, c],
    ],
    expected: ['a', 'b', 'c', 'a'],
  },
  {
    name: 'takes in one that came',
    rounds: [
      [a, c],
      [a, b, c],
    ],
    expected: ['a', 'b'],
  },
])('round robin $name', ({ rounds, expected }) => {
  expect(rotate(rounds)).toEqual(expected);
});

test('round robin gives the next ones as fall-backs', () => {
  expect(
    rotate(
      [
        [a, b, c],
        [a, b, c],
      ],
      2,
    ),
  ).toEqual(['ab', 'bc']);
});
