import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Speculation, type SpeculativeEntry } from './speculation.ts';

/** Chains as their hashes are: equal in a place only where everything before it is equal. */
const chain = (...blocks: readonly number[]): Uint32Array => {
  const keys = new Uint32Array(2 * blocks.length);
  let hash = 17;
  blocks.forEach((block, i) => {
    hash = Math.imul(hash ^ (block + 1), 0x01000193);
    keys.set([hash, block], 2 * i);
  });
  return keys;
};
const entry = (slot: number, keys: Uint32Array, untilMs = 2000): SpeculativeEntry => ({
  requestId: 'r',
  slot,
  keys,
  untilMs,
  confirmingBlock: -1,
});
const filled = (maxEntries: number, ...entries: readonly SpeculativeEntry[]) => {
  const speculation = new Speculation({ maxEntries });
  for (const each of entries) speculation.add(each);
  return speculation;
};

describe('what was sent somewhere', () => {
  test('is believed to be there, as far as a prompt is the same', () => {
    const speculation = filled(10, entry(1, chain(1, 2, 3)));
    expect(speculation.coveredBlocks(1, chain(1, 2, 9))).toBe(2);
    expect(speculation.coveredBlocks(1, chain(1, 2, 3, 4))).toBe(3);
    expect(speculation.coveredBlocks(1, chain(2, 2, 3))).toBe(0);
    expect(speculation.coveredBlocks(0, chain(1, 2, 3))).toBe(0);
  });

  test('is no longer believed when its time is up', () => {
    const speculation = filled(10, entry(1, chain(1), 1000), entry(1, chain(1, 2), 2000));
    speculation.expire(1000);
    expect(speculation.size).toBe(1);
    expect(speculation.coveredBlocks(1, chain(1, 2))).toBe(2);
    speculation.expire(2000);
    expect([speculation.size, speculation.coveredBlocks(1, chain(1, 2))]).toEqual([0, 0]);
  });

  test('makes room for what was sent later', () => {
    const speculation = filled(2, entry(0, chain(1)), entry(1, chain(2)), entry(1, chain(3)));
    expect(speculation.size).toBe(2);
    expect(speculation.coveredBlocks(0, chain(1))).toBe(0);
  });

  test('goes with its endpoint', () => {
    const speculation = filled(9, entry(0, chain(1)), entry(1, chain(1)));
    speculation.clear(0);
    expect([speculation.size, speculation.coveredBlocks(0, chain(1))]).toEqual([1, 0]);
    expect(speculation.coveredBlocks(1, chain(1))).toBe(1);
  });
});

test('the longest common beginning with any entry counts, as comparing all of them says', () => {
  const blocks = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 12 });
  const common = (one: readonly number[], other: readonly number[]): number => {
    const at = one.findIndex((block, i) => block !== other[i]);
    return at < 0 ? one.length : at;
  };
  fc.assert(
    fc.property(fc.array(blocks, { maxLength: 12 }), blocks, (sent, asked) => {
      const speculation = filled(100, ...sent.map((each) => entry(0, chain(...each))));
      const expected = Math.max(0, ...sent.map((each) => common(each, asked)));
      expect(speculation.coveredBlocks(0, chain(...asked))).toBe(expected);
    }),
  );
});
