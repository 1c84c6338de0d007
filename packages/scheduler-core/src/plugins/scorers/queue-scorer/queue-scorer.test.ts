import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { queueScorer } from './queue-scorer.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
const c = makeEndpoint('c');

test.each([
  {
    name: 'spreads queues over [0, 1]',
    endpoints: [a.queue(10), b.queue(0), c.queue(5)],
    expected: [0, 1, 0.5],
  },
  {
    name: 'gives 1 to all where queues are equal',
    endpoints: [a.queue(7), b.queue(7)],
    expected: [1, 1],
  },
  { name: 'gives 1 to a single endpoint', endpoints: [a.queue(7)], expected: [1] },
  {
    name: 'does not look at running requests',
    endpoints: [a.running(9), b.running(1)],
    expected: [1, 1],
  },
  {
    name: 'counts reservations',
    endpoints: [a.queue(2).reserved(2), b.queue(0)],
    expected: [0, 1],
  },
])('the queue scorer $name', ({ endpoints, expected }) => {
  const scores = makePlugin(queueScorer).scorer?.score(makeCycle(), endpoints);
  expect(Array.from(scores ?? [])).toEqual(expected);
});
