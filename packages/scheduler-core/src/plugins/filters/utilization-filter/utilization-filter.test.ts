import { describe, expect, test } from 'vitest';
import { inflightLoad } from '../../../attributes/inflight-load.ts';
import { makeCycle, makeEndpoint, makeInflightLoad, makePlugin } from '../../../testing/index.ts';
import { utilizationFilter } from './utilization-filter.ts';

const busy = makeEndpoint('b').queue(8).running(40).kvUsage(0.9);
const idle = makeEndpoint('i').queue(2).running(10).kvUsage(0.5);
const load = makeInflightLoad({ b: { requests: 50 }, i: { requests: 3 } });
const cycle = makeCycle({ attributes: [[inflightLoad(), load]] });

const kept = (parameters: Record<string, unknown>): string =>
  (makePlugin(utilizationFilter, parameters).filter?.filter(cycle, [busy, idle]) ?? [])
    .map(({ name }) => name)
    .join('');

describe('the utilization filter', () => {
  test.each([
    ['active-requests', 10],
    ['running-requests', 20],
    ['waiting-queue', 2],
    ['kv-cache-utilization', 0.5],
  ])('drops what is above a cap of %s and keeps what is at it', (metric, maxValue) => {
    expect(kept({ conditions: [{ metric, maxValue }] })).toBe('i');
  });

  test('drops what is above any of several caps', () => {
    const conditions = [
      { metric: 'waiting-queue', maxValue: 8 },
      { metric: 'kv-cache-utilization', maxValue: 0.8 },
    ];
    expect(kept({ conditions })).toBe('i');
  });

  test('fails the profile where none is left, unless it may fall back', () => {
    const conditions = [{ metric: 'waiting-queue', maxValue: 0 }];
    expect(kept({ conditions })).toBe('');
    expect(kept({ conditions, fallbackOnEmpty: true })).toBe('bi');
  });

  test('reads in-flight load only where a cap needs it', () => {
    const consumes = (metric: string) =>
      utilizationFilter.consumes?.(
        utilizationFilter.parameters.parse({ conditions: [{ metric, maxValue: 1 }] }),
      );
    expect(consumes('active-requests')).toEqual([inflightLoad()]);
    expect(consumes('waiting-queue')).toEqual([]);
  });
});
