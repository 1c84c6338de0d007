import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LruTier } from './lru-tier.ts';

const chain = (...keys: number[]) => Float64Array.from(keys);

describe('a tier', () => {
  test('gives up what was used longest ago, the end of a prompt before its start', () => {
    const tier = new LruTier(4);
    expect(tier.store([1, 2])).toEqual([]);
    expect(tier.store([3, 4])).toEqual([]);
    tier.touch(chain(1, 2, 99), 3);
    expect(tier.store([5, 6, 7])).toEqual([4, 3, 2]);
    expect([...tier.keys()].sort()).toEqual([1, 5, 6, 7]);
  });

  test('leaves more than fits out', () => {
    const tier = new LruTier(2);
    tier.store([1]);
    expect(tier.store([2, 3, 4])).toBeUndefined();
    expect([...tier.keys()]).toEqual([1]);
    tier.clear();
    expect([tier.size, tier.has(1)]).toEqual([0, false]);
  });
});

test('it never holds more than fits, and everything that was put in is there or was given up', () => {
  const store = fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(store), (stores) => {
      const tier = new LruTier(8);
      const expected = new Set<number>();
      for (const keys of stores) {
        tier.touch(Float64Array.from(keys), keys.length);
        const missing = keys.filter((key) => !tier.has(key));
        for (const key of tier.store(missing) ?? []) expected.delete(key);
        for (const key of missing) expected.add(key);
        expect(new Set(tier.keys())).toEqual(expected);
        expect(tier.size).toBeLessThanOrEqual(8);
      }
    }),
  );
});
