import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { loadAwareScorer } from './load-aware-scorer.ts';

const a = makeEndpoint('a');

test.each([
  { name: 'an empty queue scores 0.5', parameters: {}, endpoint: a, expected: 0.5 },
  {
    name: 'half the default threshold scores half of that',
    parameters: {},
    endpoint: a.queue(64),
    expected: 0.25,
  },
  {
    name: 'the threshold scores 0',
    parameters: { threshold: 10 },
    endpoint: a.queue(10),
    expected: 0,
  },
  {
    name: 'more than the threshold scores 0',
    parameters: { threshold: 10 },
    endpoint: a.queue(99),
    expected: 0,
  },
  {
    name: 'reservations count',
    parameters: { threshold: 10 },
    endpoint: a.queue(3).reserved(2),
    expected: 0.25,
  },
])('load-aware: $name', ({ parameters, endpoint, expected }) => {
  const scores = makePlugin(loadAwareScorer, parameters).scorer?.score(makeCycle(), [endpoint]);
  expect(scores?.[0]).toBe(expected);
});
