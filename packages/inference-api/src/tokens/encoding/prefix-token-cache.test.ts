import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPrefixTokenCache } from './prefix-token-cache.ts';

const ids = (length: number) => Uint32Array.from({ length }, (_, i) => i);

test('what is not asked for is forgotten first', () => {
  const cache = createPrefixTokenCache({ maxBytes: 1000 });
  cache.put('a', ids(10));
  cache.put('b', ids(10));
  cache.put('c', ids(10));
  cache.get('a');
  cache.put('d', ids(10));
  expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined)).toEqual([
    true,
    false,
    true,
    true,
  ]);
});

test('what is larger than all of it is not kept', () => {
  const cache = createPrefixTokenCache({ maxBytes: 1000 });
  cache.put('a', ids(10));
  cache.put('b', ids(1000));
  expect(cache.get('b')).toBeUndefined();
  expect(cache.get('a')).toEqual(ids(10));
});

test('it never holds more than it may, and counts what it holds', () => {
  const put = fc.record({ key: fc.string({ maxLength: 2 }), length: fc.nat(300) });
  fc.assert(
    fc.property(fc.array(put), (puts) => {
      const cache = createPrefixTokenCache({ maxBytes: 5000 });
      for (const { key, length } of puts) {
        cache.put(key, ids(length));
        expect(cache.stats.bytes).toBeLessThanOrEqual(5000);
        expect(cache.stats.entries === 0).toBe(cache.stats.bytes === 0);
      }
    }),
  );
});
