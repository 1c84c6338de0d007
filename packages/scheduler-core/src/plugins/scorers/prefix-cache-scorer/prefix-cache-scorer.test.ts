import { expect, test } from 'vitest';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import { makeCycle, makeEndpoint, makePlugin, makePrefixMatches } from '../../../testing/index.ts';
import { prefixCacheScorer } from './prefix-cache-scorer.ts';

const endpoints = ['a', 'b', 'c'].map((name) => makeEndpoint(name));
const matches = makePrefixMatches({ a: 10, b: 5 }, { totalBlocks: 10, blockSizeTokens: 16 });

const score = (parameters: Record<string, unknown>, producer?: string): number[] => {
  const cycle = makeCycle({ attributes: [[prefixMatches(producer), matches]] });
  return Array.from(
    makePlugin(prefixCacheScorer, parameters).scorer?.score(cycle, endpoints) ?? [],
  );
};

test.each([
  { name: 'the matched share of the prompt', parameters: {}, expected: [1, 0.5, 0] },
  {
    name: 'with the weight of length at 1, the squared length of the match',
    parameters: { matchLengthWeight: 1, matchLengthScaleTokens: 320 },
    expected: [0.25, 0.0625, 0],
  },
  {
    name: 'a match longer than the scale counts as the scale',
    parameters: { matchLengthWeight: 1, matchLengthScaleTokens: 80 },
    expected: [1, 1, 0],
  },
  {
    name: 'a mix of both in between',
    parameters: { matchLengthWeight: 0.5, matchLengthScaleTokens: 320 },
    expected: [0.625, 0.28125, 0],
  },
])('the prefix score is $name', ({ parameters, expected }) => {
  expect(score(parameters)).toEqual(expected);
});

test('the producer is chosen by name', () => {
  expect(score({ prefixMatchInfoProducerName: 'cpu-tier' }, 'cpu-tier')).toEqual([1, 0.5, 0]);
  expect(score({ prefixMatchInfoProducerName: 'cpu-tier' })).toEqual([0, 0, 0]);
});

test('a prompt shorter than a block scores 0 everywhere', () => {
  const cycle = makeCycle({
    attributes: [[prefixMatches(), makePrefixMatches({}, { totalBlocks: 0 })]],
  });
  const scores = makePlugin(prefixCacheScorer).scorer?.score(cycle, endpoints);
  expect(Array.from(scores ?? [])).toEqual([0, 0, 0]);
});
