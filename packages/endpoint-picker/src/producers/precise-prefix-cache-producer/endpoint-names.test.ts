import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import type { Endpoint } from '@llm-d/scheduler-core';
import { expect, test } from 'vitest';
import { EndpointNames } from './endpoint-names.ts';

const rank = (pod: string, rankIndex: number, slot: number): Endpoint => {
  const endpoint = makeEndpoint(pod, slot).at('10.1.0.1', 8000 + rankIndex);
  return { ...endpoint, id: `default/${pod}-rank-${rankIndex}`, rank: rankIndex };
};
const namesOf = (...endpoints: readonly Endpoint[]) => {
  const names = new EndpointNames();
  for (const endpoint of endpoints) names.add(endpoint);
  return names;
};

const ranks = [rank('p', 0, 4), rank('p', 1, 5), rank('p', 2, 6)];

test.each([
  ['the port of its first rank', '10.1.0.1:8000'],
  ['its address', '10.1.0.1'],
  ['its name', 'p'],
])('of a pod known by %s each rank is its own endpoint', (_, pod) => {
  const names = namesOf(...ranks);
  expect([0, 1, 2, 3].map((dpRank) => names.slotsOf(pod, dpRank))).toEqual([[4], [5], [6], []]);
});

test('a rank that is known by its own port is that endpoint, whatever number it gives', () => {
  expect(namesOf(...ranks).slotsOf('10.1.0.1:8001', 0)).toEqual([5]);
});

test('a pod with one endpoint spreads requests over its ranks itself, so it stands for all', () => {
  const names = namesOf(makeEndpoint('a'));
  expect([0, 7].map((dpRank) => names.slotsOf('10.0.0.1:8000', dpRank))).toEqual([[0], [0]]);
});

test('a pod of which only a later rank takes requests is that rank alone', () => {
  const names = namesOf(rank('p', 1, 5));
  expect([0, 1].map((dpRank) => names.slotsOf('10.1.0.1', dpRank))).toEqual([[], [5]]);
});

test('an address that several pods have means none of them', () => {
  const a = makeEndpoint('a').at('127.0.0.1', 8001);
  const b = makeEndpoint('b').at('127.0.0.1', 8002);
  const names = namesOf(a, b);
  expect(names.slotsOf('127.0.0.1', 0)).toEqual([]);
  expect(names.slotsOf('127.0.0.1:8002', 0)).toEqual([1]);
  names.remove(b);
  expect(names.slotsOf('127.0.0.1', 0)).toEqual([0]);
});

test('what has left is known by no name', () => {
  const names = namesOf(...ranks);
  for (const endpoint of ranks) names.remove(endpoint);
  expect(['10.1.0.1:8000', '10.1.0.1', 'p'].flatMap((pod) => names.slotsOf(pod, 0))).toEqual([]);
});

test('an endpoint that took over an address keeps it when its predecessor leaves late', () => {
  const old = makeEndpoint('a');
  const names = namesOf(old);
  names.add(makeEndpoint('b').at(old.address, old.port));
  names.remove(old);
  expect(names.slotsOf(old.hostPort, 0)).toEqual([1]);
});
