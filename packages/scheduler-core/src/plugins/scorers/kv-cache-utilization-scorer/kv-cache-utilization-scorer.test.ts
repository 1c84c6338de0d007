import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { kvCacheUtilizationScorer } from './kv-cache-utilization-scorer.ts';

test('the KV-cache scorer gives the free share, whatever the others have', () => {
  const endpoints = [
    makeEndpoint('a').kvUsage(0.75),
    makeEndpoint('b').kvUsage(0),
    makeEndpoint('c').kvUsage(1),
  ];
  const scores = makePlugin(kvCacheUtilizationScorer).scorer?.score(makeCycle(), endpoints);
  expect(Array.from(scores ?? [])).toEqual([0.25, 1, 0]);
});
