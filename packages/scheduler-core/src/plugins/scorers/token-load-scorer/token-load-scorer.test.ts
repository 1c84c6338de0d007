import { expect, test } from 'vitest';
import { inflightLoad } from '../../../attributes/inflight-load.ts';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import {
  makeCycle,
  makeEndpoint,
  makeInflightLoad,
  makePlugin,
  makePrefixMatches,
} from '../../../testing/index.ts';
import { tokenLoadScorer } from './token-load-scorer.ts';

const endpoints = ['a', 'b', 'c'].map((name) => makeEndpoint(name));
const load = makeInflightLoad({ a: { tokens: 1000 }, b: { tokens: 250 }, c: { tokens: 5000 } });
const scorer = makePlugin(tokenLoadScorer, { queueThresholdTokens: 1000 }).scorer;

test('token load falls linearly to 0 at the threshold', () => {
  const cycle = makeCycle({ attributes: [[inflightLoad(), load]] });
  expect(Array.from(scorer?.score(cycle, endpoints) ?? [])).toEqual([0, 0.75, 0]);
});

test("what an endpoint has not cached of this request's prompt counts as load", () => {
  const matches = makePrefixMatches({ a: 10, b: 5 }, { totalBlocks: 10, blockSizeTokens: 50 });
  const cycle = makeCycle({ attributes: [[prefixMatches(), matches]] });
  expect(Array.from(scorer?.score(cycle, endpoints) ?? [])).toEqual([1, 0.75, 0.5]);
});

test('load and uncached prompt add up', () => {
  const matches = makePrefixMatches({ b: 5 }, { totalBlocks: 10, blockSizeTokens: 50 });
  const cycle = makeCycle({
    attributes: [
      [prefixMatches(), matches],
      [inflightLoad(), load],
    ],
  });
  expect(scorer?.score(cycle, endpoints)[1]).toBe(0.5);
});

test('without anything known every endpoint scores 1', () => {
  expect(Array.from(scorer?.score(makeCycle(), endpoints) ?? [])).toEqual([1, 1, 1]);
});
