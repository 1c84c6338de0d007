import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blockHash, blockHashes } from './block-hash.ts';

const key = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }).map(Number);

test('a hash begins with the 53 bits of its key, so different keys have different hashes', () => {
  fc.assert(
    fc.property(key, (k) => {
      expect(blockHash(k) >> 11n).toBe(BigInt(k));
    }),
  );
});

test('lists of hashes have the low half first', () => {
  const keys = Float64Array.of(1, 2 ** 53 - 1, 3);
  const pairs = blockHashes(keys, 1, 3);
  const joined = [0, 2].map((at) => (BigInt(pairs[at + 1] ?? 0) << 32n) | BigInt(pairs[at] ?? 0));
  expect(joined).toEqual([blockHash(2 ** 53 - 1), blockHash(3)]);
});

test('the lowest bits differ between keys that follow each other', () => {
  const tails = new Set(Array.from({ length: 1000 }, (_, i) => blockHash(i) & 0x7ffn));
  expect(tails.size).toBeGreaterThan(500);
});
