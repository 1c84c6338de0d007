import { expect, test } from 'vitest';
import { inflightLoad } from '../../../attributes/inflight-load.ts';
import { makeCycle, makeEndpoint, makeInflightLoad, makePlugin } from '../../../testing/index.ts';
import { activeRequestScorer } from './active-request-scorer.ts';

const endpoints = ['a', 'b', 'c'].map((name) => makeEndpoint(name));
const load = makeInflightLoad({ a: { requests: 10 }, b: { requests: 0 }, c: { requests: 5 } });

const score = (parameters: Record<string, unknown>, producer?: string): number[] => {
  const cycle = makeCycle({ attributes: [[inflightLoad(producer), load]] });
  return Array.from(
    makePlugin(activeRequestScorer, parameters).scorer?.score(cycle, endpoints) ?? [],
  );
};

test.each([
  { name: 'idle scores 1, the busiest 0', parameters: {}, expected: [0, 1, 0.5] },
  {
    name: 'up to the idle threshold counts as idle',
    parameters: { idleThreshold: 5 },
    expected: [0, 1, 1],
  },
  {
    name: 'busy endpoints stay below maxBusyScore',
    parameters: { maxBusyScore: 0.5 },
    expected: [0, 1, 0.25],
  },
  {
    name: 'requestTimeout is accepted and ignored',
    parameters: { requestTimeout: '2m' },
    expected: [0, 1, 0.5],
  },
])('active requests: $name', ({ parameters, expected }) => {
  expect(score(parameters)).toEqual(expected);
});

test('the producer is chosen by name', () => {
  expect(score({ inFlightLoadProducerName: 'mine' }, 'mine')).toEqual([0, 1, 0.5]);
});

test('without in-flight load every endpoint counts as idle', () => {
  const scores = makePlugin(activeRequestScorer).scorer?.score(makeCycle(), endpoints);
  expect(Array.from(scores ?? [])).toEqual([1, 1, 1]);
});
