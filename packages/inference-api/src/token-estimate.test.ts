import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BYTES_PER_ESTIMATED_TOKEN, estimateTokens } from './token-estimate.ts';

test('four bytes make a token, read as a little-endian number; the last is padded with zeros', () => {
  expect([...estimateTokens(Buffer.from('abcde'))]).toEqual([0x64636261, 0x65]);
  expect(estimateTokens(new Uint8Array(0))).toHaveLength(0);
});

test('texts share the tokens of all whole groups of their common prefix', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (prefix, a, b) => {
      const shared = Math.floor(prefix.length / BYTES_PER_ESTIMATED_TOKEN);
      const tokens = [a, b].map((rest) =>
        estimateTokens(Buffer.concat([prefix, rest])).subarray(0, shared),
      );
      expect(tokens[0]).toEqual(tokens[1]);
    }),
  );
});

test('a text that lies anywhere in a buffer is read the same', () => {
  const text = Buffer.from('xabcdefgh');
  expect(estimateTokens(text.subarray(1))).toEqual(estimateTokens(Buffer.from('abcdefgh')));
});
