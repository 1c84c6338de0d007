import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { headerLabelAffinityScorer } from './header-label-affinity-scorer.ts';

const candidates = [
  makeEndpoint('g').label('tier', 'gold'),
  makeEndpoint('s').label('tier', 'silver'),
  makeEndpoint('x'),
  makeEndpoint('y').label('tier', ''),
];

test.each([
  ['gold', [1, 0, 0, 0]],
  ['silver', [0, 1, 0, 0]],
  ['lead', [0, 0, 0, 0]],
  ['', [0, 0, 0, 0]],
])('a request for tier %j rates the labels', (tier, expected) => {
  const { scorer } = makePlugin(headerLabelAffinityScorer, {
    headerName: 'X-Tier',
    labelKey: 'tier',
  });
  const cycle = makeCycle({ request: { headers: new Map([['x-tier', tier]]) } });
  expect(Array.from(scorer?.score(cycle, candidates) ?? [])).toEqual(expected);
});
