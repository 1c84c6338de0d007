import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { runningRequestsSizeScorer } from './running-requests-size-scorer.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
const c = makeEndpoint('c');

test.each([
  {
    name: 'spreads running requests over [0, 1]',
    endpoints: [a.running(10), b.running(0), c.running(5)],
    expected: [0, 1, 0.5],
  },
  {
    name: 'gives 1 to all where they are equal',
    endpoints: [a.running(3), b.running(3)],
    expected: [1, 1],
  },
  { name: 'does not look at the queue', endpoints: [a.queue(9), b.queue(1)], expected: [1, 1] },
  {
    name: 'counts reservations',
    endpoints: [a.running(1), b.running(0).reserved(3)],
    expected: [1, 0],
  },
])('the running-requests scorer $name', ({ endpoints, expected }) => {
  const scores = makePlugin(runningRequestsSizeScorer).scorer?.score(makeCycle(), endpoints);
  expect(Array.from(scores ?? [])).toEqual(expected);
});
