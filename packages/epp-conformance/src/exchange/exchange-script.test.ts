import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunksOf, WHOLE } from './exchange-script.ts';

const lengths = (bytes: number, sizes?: readonly number[]) =>
  chunksOf(Buffer.alloc(bytes), sizes).map(({ length }) => length);

test.each([
  [100_000, undefined, [32_768, 32_768, 32_768, 1696]],
  [10, WHOLE, [10]],
  [10, [4, 0, 3], [4, 0, 3, 3]],
  [10, [4, 0, Infinity], [4, 0, 6]],
  [0, [4], []],
])('%i bytes in chunks of %j are %j', (bytes, sizes, expected) => {
  expect(lengths(bytes, sizes)).toEqual(expected);
});

test('no byte is lost or doubled', () => {
  const sizes = fc.tuple(fc.array(fc.nat(9), { maxLength: 5 }), fc.integer({ min: 1, max: 9 }));
  fc.assert(
    fc.property(fc.uint8Array(), sizes, (bytes, [first, last]) => {
      expect(Buffer.concat(chunksOf(bytes, [...first, last])).equals(bytes)).toBe(true);
    }),
  );
});
