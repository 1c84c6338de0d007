import { describe, expect, test } from 'vitest';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import type { Endpoint } from '../../../endpoint.ts';
import type { Plugin } from '../../../plugin-contracts.ts';
import type { ProfileOutcome, SchedulingResult } from '../../../scheduling-result.ts';
import { makeCycle, makeEndpoint, makePlugin, makePrefixMatches } from '../../../testing/index.ts';
import { noHitLruScorer } from './no-hit-lru-scorer.ts';

const [a, b, c] = [makeEndpoint('a'), makeEndpoint('b'), makeEndpoint('c')] as const;
const hit = makePrefixMatches({ b: 1 });

const outcomeOf = (profile: string, endpoint: Endpoint): [string, ProfileOutcome] => [
  profile,
  {
    profile,
    candidates: [endpoint],
    filters: [],
    scored: [endpoint],
    scorers: [],
    totals: [1],
    picked: [endpoint],
  },
];

const resultOf = (decode: Endpoint, prefill?: Endpoint): SchedulingResult => ({
  kind: 'scheduled',
  primary: 'decode',
  endpoints: [decode],
  outcomes: new Map([
    outcomeOf('decode', decode),
    ...(prefill === undefined ? [] : [outcomeOf('prefill', prefill)]),
  ]),
});

/** Scores a request and places it; gives the scores. */
function serve(
  plugin: Plugin,
  result: SchedulingResult,
  matches = makePrefixMatches({}),
): number[] {
  const cycle = makeCycle({ attributes: [[prefixMatches(), matches]] });
  const scores = plugin.scorer?.score(cycle, [a, b, c]) ?? [];
  plugin.preRequest?.preRequest(cycle, result, new Map());
  return Array.from(scores);
}

describe('the no-hit LRU scorer', () => {
  test('is neutral where any candidate holds any of the prompt', () => {
    expect(serve(makePlugin(noHitLruScorer), resultOf(a), hit)).toEqual([0.5, 0.5, 0.5]);
  });

  test('puts endpoints never used in front, then those used longest ago', () => {
    const plugin = makePlugin(noHitLruScorer);
    expect(serve(plugin, resultOf(a))).toEqual([1, 0.5, 0]);
    expect(serve(plugin, resultOf(b))).toEqual([0, 1, 0.5]);
    expect(serve(plugin, resultOf(c))).toEqual([0.5, 0, 1]);
    expect(serve(plugin, resultOf(a))).toEqual([1, 0.5, 0]);
    expect(serve(plugin, resultOf(a))).toEqual([0, 1, 0.5]);
  });

  test('does not count a request with a hit as a use', () => {
    const plugin = makePlugin(noHitLruScorer);
    serve(plugin, resultOf(a), hit);
    expect(serve(plugin, resultOf(a))).toEqual([1, 0.5, 0]);
  });

  test('counts the endpoint of the profile prefill too', () => {
    const plugin = makePlugin(noHitLruScorer);
    serve(plugin, resultOf(a, c));
    expect(serve(plugin, resultOf(b))).toEqual([0.5, 1, 0]);
  });

  test('forgets an endpoint that left', () => {
    const plugin = makePlugin(noHitLruScorer);
    serve(plugin, resultOf(a));
    plugin.endpoints?.endpointRemoved?.(a);
    expect(serve(plugin, resultOf(a))).toEqual([1, 0.5, 0]);
  });

  test('remembers no more endpoints than lruSize', () => {
    const plugin = makePlugin(noHitLruScorer, { lruSize: 1 });
    serve(plugin, resultOf(a));
    serve(plugin, resultOf(b));
    expect(serve(plugin, resultOf(c))).toEqual([1, 0, 0.5]);
  });

  test('ranks among the candidates only, so that others do not distort the scores', () => {
    const plugin = makePlugin(noHitLruScorer);
    for (const endpoint of [a, b, c]) serve(plugin, resultOf(endpoint));
    expect(Array.from(plugin.scorer?.score(makeCycle(), [b, c]) ?? [])).toEqual([1, 0]);
  });

  test('gives a single candidate 1', () => {
    expect(makePlugin(noHitLruScorer).scorer?.score(makeCycle(), [a])[0]).toBe(1);
  });
});
