import { expect, test } from 'vitest';
import { endpointTopology, peerEndpoint, type Topology } from '../attributes/topology.ts';
import { makeCycle, makeEndpoint, makePlugin } from '../testing/index.ts';
import { topologyAffinityFilter } from './filters/topology-affinity-filter/topology-affinity-filter.ts';
import { topologyAffinityScorer } from './scorers/topology-affinity-scorer/topology-affinity-scorer.ts';

const peer = makeEndpoint('p');
const places: Readonly<Record<string, Topology>> = {
  p: { host: 'h1', rack: 'r1', zone: 'z1', region: 'e' },
  a: { host: 'h1', rack: 'r1', zone: 'z1', region: 'e' },
  b: { host: 'h2', rack: 'r1', zone: 'z1', region: 'e' },
  c: { host: 'h3', zone: 'z1', region: 'e' },
  d: { host: 'h4', rack: 'r9', zone: 'z2', region: 'e' },
  e: { host: 'h5', region: 'w' },
  f: { host: '' },
};
const candidates = ['a', 'b', 'c', 'd', 'e', 'f', 'x'].map((name) => makeEndpoint(name));
const topology = { of: ({ name }: { readonly name: string }) => places[name] };
const near = makeCycle({
  attributes: [
    [endpointTopology(), topology],
    [peerEndpoint, peer],
  ],
});

test('the topology scorer rates by the closest thing in common', () => {
  const { scorer } = makePlugin(topologyAffinityScorer);
  expect(Array.from(scorer?.score(near, candidates) ?? [])).toEqual([1, 0.2, 0.05, 0.02, 0, 0, 0]);
});

test.each([
  ['host', 'a'],
  ['rack', 'ab'],
  ['zone', 'abc'],
  ['region', 'abcd'],
])('the topology filter with minAffinity %s keeps %s', (minAffinity, expected) => {
  const { filter } = makePlugin(topologyAffinityFilter, { minAffinity });
  const kept = filter?.filter(near, candidates) ?? [];
  expect(kept.map(({ name }) => name).join('')).toBe(expected);
});

test.each([
  ['there is no earlier stage', makeCycle({ attributes: [[endpointTopology(), topology]] })],
  ['nobody knows any place', makeCycle({ attributes: [[peerEndpoint, peer]] })],
  [
    'the place of the earlier choice is unknown',
    makeCycle({
      attributes: [
        [endpointTopology(), topology],
        [peerEndpoint, makeEndpoint('x')],
      ],
    }),
  ],
])('topology does nothing where %s', (_name, cycle) => {
  expect(makePlugin(topologyAffinityFilter).filter?.filter(cycle, candidates)).toBe(candidates);
  const scores = makePlugin(topologyAffinityScorer).scorer?.score(cycle, candidates) ?? [];
  expect(Array.from(scores)).toEqual(candidates.map(() => 0));
});

test('the topology filter keeps all where nobody is close enough', () => {
  const far = candidates.slice(1);
  expect(makePlugin(topologyAffinityFilter).filter?.filter(near, far)).toBe(far);
});
