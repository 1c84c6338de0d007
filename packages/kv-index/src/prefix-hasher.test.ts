import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  PrefixHashOptionsError,
  createPrefixHasher,
  type PrefixHashOptions,
} from './prefix-hasher.ts';
import { xxh64 } from './xxh64.testing.ts';

const hasher = createPrefixHasher();
const oneTo = (last: number) => Uint32Array.from({ length: last }, (_, i) => i + 1);
const full = (tokens: Uint32Array, options: PrefixHashOptions): bigint[] => {
  const pairs = hasher.hashes(tokens, options);
  return Array.from({ length: pairs.length / 2 }, (_, i) => {
    const [low = 0, high = 0] = pairs.subarray(2 * i, 2 * i + 2);
    return (BigInt(high) << 32n) | BigInt(low);
  });
};

describe('golden values of the approximate prefix chain', () => {
  test('two whole blocks of test-model', () => {
    const expected = [11386526230070969186n, 5092670945213280367n];
    const options = { model: 'test-model', blockSizeTokens: 16 };
    expect(full(oneTo(32), options)).toEqual(expected);
    expect([...hasher.keys(oneTo(32), options)]).toEqual(expected.map((h) => Number(h >> 11n)));
  });

  test('the reference below agrees with the same values', () => {
    expect(reference(oneTo(32), { model: 'test-model', blockSizeTokens: 16 })).toEqual([
      11386526230070969186n,
      5092670945213280367n,
    ]);
    expect(xxh64(Buffer.from('test-model'))).toBe(3725054772343846052n);
    expect(xxh64(Buffer.from(''))).toBe(17241709254077376921n);
  });
});

test('the chain equals the reference for any tokens, names and block sizes', () => {
  fc.assert(
    fc.property(
      fc.uint32Array({ maxLength: 200 }),
      fc.record({
        model: fc.string({ unit: 'grapheme' }),
        cacheSalt: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
        blockSizeTokens: fc.integer({ min: 1, max: 40 }),
        includePartialBlock: fc.boolean(),
        maxBlocks: fc.integer({ min: 0, max: 20 }),
      }),
      (tokens, options) => {
        expect(full(tokens, options)).toEqual(reference(tokens, options));
      },
    ),
  );
});

test('prompts share keys exactly as far as they share whole blocks', () => {
  const options = { model: 'm', blockSizeTokens: 4 };
  const a = hasher.keys(oneTo(12), options);
  const b = hasher.keys(oneTo(12).with(9, 0), options);
  expect([...b.subarray(0, 2)]).toEqual([...a.subarray(0, 2)]);
  expect(b[2]).not.toBe(a[2]);
});

test.each([
  ['another model', { model: 'n' }],
  ['a cache salt', { cacheSalt: 's' }],
])('%s changes every key', (_, change) => {
  const options = { model: 'm', blockSizeTokens: 4 };
  const before = hasher.keys(oneTo(16), options);
  const after = hasher.keys(oneTo(16), { ...options, ...change });
  expect(after.every((key, i) => key !== before[i])).toBe(true);
});

test('results are copies that later calls leave alone, also when the memory grows', () => {
  const options = { model: 'm', blockSizeTokens: 16 };
  const first = hasher.keys(oneTo(64), options);
  const kept = [...first];
  const large = hasher.keys(new Uint32Array(500_000), options);
  expect([...first]).toEqual(kept);
  expect(large).toHaveLength(31_250);
});

test('a view into a larger buffer is hashed as what it shows', () => {
  const options = { model: 'm', blockSizeTokens: 4 };
  expect(hasher.keys(oneTo(20).subarray(4, 16), options)).toEqual(
    hasher.keys(Uint32Array.from(oneTo(20).slice(4, 16)), options),
  );
});

test.each([
  [{ blockSizeTokens: 0 }, 'blockSizeTokens must be a whole number from 1, got 0'],
  [{ blockSizeTokens: 1.5 }, 'blockSizeTokens must be a whole number from 1, got 1.5'],
  [{ maxBlocks: -1 }, 'maxBlocks must be at least 0, got -1'],
])('options %o are refused', (change, message) => {
  const options = { model: 'm', blockSizeTokens: 16, ...change };
  expect(() => hasher.keys(oneTo(4), options)).toThrow(PrefixHashOptionsError);
  expect(() => hasher.keys(oneTo(4), options)).toThrow(message);
});

test('the committed WebAssembly is what its source compiles to', { timeout: 60_000 }, () => {
  const compile = new URL('../assembly/compile.ts', import.meta.url).pathname;
  const fresh = execFileSync(process.execPath, [compile, '--print', 'prefix-hash'], {
    encoding: 'utf8',
  });
  expect(readFileSync(new URL('./gen/prefix-hash-wasm.ts', import.meta.url), 'utf8')).toBe(fresh);
});

function reference(tokens: Uint32Array, options: PrefixHashOptions): bigint[] {
  const { model, cacheSalt = '', blockSizeTokens, includePartialBlock, maxBlocks } = options;
  const chain: bigint[] = [];
  let parent = xxh64(Buffer.from(model + cacheSalt));
  for (
    let at = 0;
    at < tokens.length && chain.length < (maxBlocks ?? Infinity);
    at += blockSizeTokens
  ) {
    const block = tokens.subarray(at, at + blockSizeTokens);
    if (block.length < blockSizeTokens && includePartialBlock !== true) break;
    const bytes = Buffer.alloc(4 * block.length);
    block.forEach((token, i) => bytes.writeUInt32LE(token, 4 * i));
    const link = Buffer.alloc(16);
    link.writeBigUInt64LE(xxh64(bytes), 0);
    link.writeBigUInt64LE(parent, 8);
    parent = xxh64(link);
    chain.push(parent);
  }
  return chain;
}
