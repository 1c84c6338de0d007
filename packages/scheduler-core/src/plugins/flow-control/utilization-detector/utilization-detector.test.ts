import { describe, expect, test } from 'vitest';
import { Attributes } from '../../../attribute.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { partOf } from '../policy.testing.ts';
import { utilizationDetector } from './utilization-detector.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
const stale = makeEndpoint('s').running(1).metric({ updatedAtMs: -201 });
const resting = makeEndpoint('r').metric({ updatedAtMs: -5000 });
const unheard = makeEndpoint('u').metric({ updatedAtMs: undefined });

const saturation = (
  endpoints: readonly Endpoint[],
  parameters: Record<string, unknown> = {},
  unplaced = 0,
) =>
  partOf(makePlugin(utilizationDetector, parameters), 'saturationDetector').saturation(endpoints, {
    nowMs: 0,
    unplaced: { requests: unplaced, bytes: 0 },
    attributes: new Attributes(),
  });

describe('how full the pool is', () => {
  test.each([
    ['an empty pool is full', [], 1],
    ['an idle one is not', [a, b], 0],
    ['by the queue', [a.queue(2)], 0.4],
    ['by the cache', [a.kvUsage(0.6)], 0.75],
    ['the greater of both', [a.queue(2).kvUsage(0.6)], 0.75],
    ['the mean over the endpoints', [a.queue(10), b], 1],
    ['beyond full', [a.queue(15)], 3],
    ['what was placed since the scrape waits', [a.queue(1).reserved(3)], 0.8],
    ['old metrics count as full', [a.queue(1), stale], 0.6],
    ['so do none', [unheard], 1],
    ['an endpoint that was at rest is believed for longer', [resting.reserved(1)], 0.2],
    ['but not for ever', [resting.metric({ updatedAtMs: -5001 })], 1],
  ])('%s', (_, endpoints, expected) => {
    expect(saturation(endpoints)).toBeCloseTo(expected);
  });

  test.each([
    ['by the queue', [a, b], 5, 0.5],
    ['not where the cache is fuller', [a.kvUsage(0.6), b.kvUsage(0.6)], 5, 0.75],
  ])('what has no endpoint yet is spread over all: %s', (_, endpoints, unplaced, expected) => {
    expect(saturation(endpoints, {}, unplaced)).toBeCloseTo(expected);
  });

  test.each([
    ['does not count where it is ignored', [a.queue(1), stale], 0.2],
    ['is idle where nobody is heard', [stale, unheard], 0],
    ['but no endpoint is full', [], 1],
  ])('an endpoint with old metrics %s', (_, endpoints, expected) => {
    expect(saturation(endpoints, { stalenessPolicy: 'ignore' })).toBeCloseTo(expected);
  });

  test('thresholds are settings', () => {
    const parameters = {
      queueDepthThreshold: 10,
      kvCacheUtilThreshold: 0.5,
      metricsStalenessThreshold: '1s',
    };
    expect(saturation([stale.queue(5).kvUsage(0.1)], parameters)).toBe(0.5);
  });

  test('says how many are not heard of', () => {
    const detector = partOf(makePlugin(utilizationDetector), 'saturationDetector');
    expect(detector.staleEndpoints?.([a, stale, unheard], 0)).toBe(2);
  });

  test.each([
    ['queueDepthThreshold', 0],
    ['kvCacheUtilThreshold', 1.1],
    ['metricsStalenessThreshold', '0s'],
    ['headroom', -0.1],
    ['stalenessPolicy', 'guess'],
  ])('%s of %s is refused', (name, value) => {
    expect(utilizationDetector.parameters.safeParse({ [name]: value }).success).toBe(false);
  });
});

describe('as a filter', () => {
  const kept = (endpoints: readonly Endpoint[], parameters: Record<string, unknown> = {}) =>
    partOf(makePlugin(utilizationDetector, parameters), 'filter')
      .filter(makeCycle(), endpoints)
      .map(({ name }) => name)
      .join('');

  test.each([
    ['a full queue', [a.queue(5), b.queue(4)], {}, 'b'],
    ['a full cache', [a.kvUsage(0.8), b.kvUsage(0.7)], {}, 'b'],
    ['old metrics', [stale, b], {}, 'b'],
    ['what is beyond the headroom', [a.queue(6), b.queue(5)], { headroom: 0.2 }, 'b'],
    ['nobody where all are full', [a.queue(9), b.queue(9), stale], {}, 'abs'],
  ])('drops %s', (_, endpoints, parameters, expected) => {
    expect(kept(endpoints, parameters)).toBe(expected);
  });
});
