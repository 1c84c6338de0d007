import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { loraAffinityScorer } from './lora-affinity-scorer.ts';

test.each([
  ['loaded', { activeLoras: ['l', 'k'], waitingLoras: [], maxLoras: 2 }, 1],
  ['absent, with room', { activeLoras: ['k'], waitingLoras: [], maxLoras: 2 }, 0.8],
  ['awaited, with room', { activeLoras: [], waitingLoras: ['l'], maxLoras: 2 }, 0.8],
  ['awaited, without room', { activeLoras: ['k'], waitingLoras: ['l'], maxLoras: 2 }, 0.6],
  ['absent, without room', { activeLoras: ['k'], waitingLoras: ['j'], maxLoras: 2 }, 0],
  ['unknown to the engine', { activeLoras: [], waitingLoras: [], maxLoras: 0 }, 0],
])('an adapter that is %s', (_name, metrics, expected) => {
  const { scorer } = makePlugin(loraAffinityScorer);
  const cycle = makeCycle({ request: { model: 'base', targetModel: 'l' } });
  expect(Array.from(scorer?.score(cycle, [makeEndpoint('a').metric(metrics)]) ?? [])).toEqual([
    expected,
  ]);
});
