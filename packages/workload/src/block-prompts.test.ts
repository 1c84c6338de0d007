import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBlockPrompts } from './block-prompts.ts';

const BLOCK_TOKENS = 64;
const BLOCK_BYTES = BLOCK_TOKENS * 4;
/** The finest block in which engines share prefixes is 16 tokens. */
const SMALLEST_ENGINE_BLOCK_BYTES = 64;

const sharedLength = (a: ArrayLike<unknown>, b: ArrayLike<unknown>): number => {
  let shared = 0;
  while (shared < Math.min(a.length, b.length) && a[shared] === b[shared]) shared++;
  return shared;
};
const ids = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 8 });

describe('prompts of block ids', () => {
  test('share as many bytes as they share leading blocks, whatever else was asked and forgotten', () => {
    fc.assert(
      fc.property(ids, ids, fc.integer({ min: 1, max: 4 }), (a, b, maxCachedBlocks) => {
        const prompts = createBlockPrompts({ seed: 1, blockTokens: BLOCK_TOKENS, maxCachedBlocks });
        const first = prompts.prompt(a, a.length * BLOCK_TOKENS);
        const second = prompts.prompt(b, b.length * BLOCK_TOKENS);
        const blocks = sharedLength(a, b);
        const bytes = sharedLength(first, second);
        expect(bytes).toBeGreaterThanOrEqual(blocks * BLOCK_BYTES);
        expect(bytes).toBeLessThan(blocks * BLOCK_BYTES + SMALLEST_ENGINE_BLOCK_BYTES);
      }),
    );
  });

  test('are four bytes a token to the byte, the last block cut', () => {
    fc.assert(
      fc.property(ids, fc.integer({ min: 1, max: BLOCK_TOKENS }), (blocks, rest) => {
        const prompts = createBlockPrompts({ seed: 2, blockTokens: BLOCK_TOKENS });
        const tokens = (blocks.length - 1) * BLOCK_TOKENS + rest;
        expect(Buffer.byteLength(prompts.prompt(blocks, tokens))).toBe(tokens * 4);
      }),
    );
  });

  test('depend on the seed alone', () => {
    const make = (seed: number) => createBlockPrompts({ seed, blockTokens: 8 }).prompt([7, 9], 16);
    expect(make(1)).toBe(make(1));
    expect(make(1)).not.toBe(make(2));
    expect(make(1)).toMatch(/^[a-z0-9 ]+$/);
  });
});
