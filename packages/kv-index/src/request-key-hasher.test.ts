import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  RequestKeyOptionsError,
  createRequestKeyHasher,
  type RequestKeyAlgorithm,
  type RequestKeyOptions,
} from './request-key-hasher.ts';
import { referenceKeys } from './request-keys.testing.ts';

const range = (first: number, last: number) =>
  Uint32Array.from({ length: last - first + 1 }, (_, i) => first + i);
const big = (pairs: Uint32Array): bigint[] =>
  Array.from({ length: pairs.length / 2 }, (_, i) => {
    const [low = 0, high = 0] = pairs.subarray(2 * i, 2 * i + 2);
    return (BigInt(high) << 32n) | BigInt(low);
  });

interface Vector {
  readonly name: string;
  readonly algorithm: RequestKeyAlgorithm;
  readonly hashSeed: string;
  readonly tokens: Uint32Array;
  readonly options: RequestKeyOptions;
  readonly keys: readonly bigint[];
}

const oddTokens = Uint32Array.of(
  ...[0, 1, 23, 24, 255, 256, 65_535, 65_536, 128_000, 128_009, 151_643, 151_645],
  ...[4_294_967_295, 7, 8, 9],
);
const base = (model: string, blockSizeTokens = 16) => ({ model, blockSizeTokens });
const A = { hashSeed: '', tokens: range(1, 48), options: base('test-model') };
const B = { hashSeed: '42', tokens: range(1, 32), options: base('Qwen/Qwen3-8B') };
const C = { hashSeed: '', tokens: oddTokens, options: base('meta-llama/Llama-3.1-8B-Instruct') };
const D = {
  ...A,
  options: { ...A.options, extras: [null, ['hash_A'], ['hash_A', 'hash_B']] },
};
const E = { hashSeed: 'seed1', tokens: range(100, 111), options: base('m', 4) };
const F = { hashSeed: '', tokens: range(1, 32), options: base('test-model') };
const G = { ...F, options: { ...F.options, extras: [null, ['img-a']] } };
const H = { ...F, hashSeed: '42' };
const I = { ...G, hashSeed: '42' };

const vectors: Vector[] = [
  {
    name: 'A',
    algorithm: 'cbor-fnv',
    ...A,
    keys: [9540012594951042066n, 16921089685996993662n, 1342399872045281493n],
  },
  {
    name: 'A',
    algorithm: 'xxh64',
    ...A,
    keys: [13553460584553255540n, 9887990258693334188n, 5989895528443528287n],
  },
  { name: 'B', algorithm: 'cbor-fnv', ...B, keys: [3993216331569380367n, 16144664282275141957n] },
  { name: 'B', algorithm: 'xxh64', ...B, keys: [6454987356911482442n, 6564035842194144822n] },
  { name: 'C', algorithm: 'cbor-fnv', ...C, keys: [7033926367282594071n] },
  { name: 'C', algorithm: 'xxh64', ...C, keys: [11287945070260350061n] },
  {
    name: 'D',
    algorithm: 'cbor-fnv',
    ...D,
    keys: [9540012594951042066n, 9961361721018301924n, 2147344814824369668n],
  },
  {
    name: 'D',
    algorithm: 'xxh64',
    ...D,
    keys: [13553460584553255540n, 7811861441232892895n, 8427585257507838495n],
  },
  {
    name: 'E',
    algorithm: 'cbor-fnv',
    ...E,
    keys: [12721875760576772525n, 5181451481339789844n, 14874284400454747499n],
  },
  {
    name: 'E',
    algorithm: 'xxh64',
    ...E,
    keys: [14236946494916440335n, 16221576044550234452n, 4684993685983594405n],
  },
  {
    name: 'image',
    algorithm: 'cbor-fnv',
    ...G,
    keys: [9540012594951042066n, 12005464526697419634n],
  },
  { name: 'image', algorithm: 'xxh64', ...G, keys: [13553460584553255540n, 17117275789824884702n] },
  {
    name: 'seed 42',
    algorithm: 'cbor-fnv',
    ...H,
    keys: [3239622172847516705n, 18365376266021390534n],
  },
  { name: 'seed 42', algorithm: 'xxh64', ...H, keys: [9464999881402841487n, 9092100070645212763n] },
  {
    name: 'image, seed 42',
    algorithm: 'cbor-fnv',
    ...I,
    keys: [3239622172847516705n, 16962382524094793002n],
  },
  {
    name: 'image, seed 42',
    algorithm: 'xxh64',
    ...I,
    keys: [9464999881402841487n, 17713551136428949437n],
  },
];

describe('golden vectors', () => {
  test.each(vectors)('$algorithm $name', ({ algorithm, hashSeed, tokens, options, keys }) => {
    const hasher = createRequestKeyHasher({ algorithm, hashSeed });
    expect(big(hasher.keys(tokens, options))).toEqual(keys);
    expect(referenceKeys(tokens, options, { algorithm, hashSeed })).toEqual(keys);
  });
});

const algorithms: readonly RequestKeyAlgorithm[] = ['cbor-fnv', 'xxh64'];

test.each(algorithms)('%s equals the reference for any input', (algorithm) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  const half = fc.integer({ min: 0, max: 0xffffffff });
  const tokens = fc.array(
    fc.oneof(half, fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536), fc.nat(200_000)),
    { maxLength: 150 },
  );
  const options = fc.record({
    model: text,
    blockSizeTokens: fc.integer({ min: 1, max: 40 }),
    extras: fc.option(fc.array(fc.option(fc.array(text, { maxLength: 30 })), { maxLength: 6 })),
  });
  const parent = fc.option(fc.record({ low: half, high: fc.oneof(half, fc.constant(0)) }));
  fc.assert(
    fc.property(text, tokens, options, parent, (hashSeed, list, rest, from) => {
      const chain = { ...rest, ...(from === null ? {} : { parent: from }) };
      const input = Uint32Array.from(list);
      const hasher = createRequestKeyHasher({ algorithm, hashSeed });
      const expected = referenceKeys(input, chain, { algorithm, hashSeed });
      expect(big(hasher.keys(input, chain))).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

describe.each(algorithms)('%s', (algorithm) => {
  const hasher = createRequestKeyHasher({ algorithm });

  test('a chain that continues its parent is the chain of the whole', () => {
    const whole = hasher.keys(range(1, 64), base('m'));
    const [low = 0, high = 0] = whole.subarray(2, 4);
    const rest = hasher.keys(range(33, 64), { ...base('other'), parent: { low, high } });
    expect([...rest]).toEqual([...whole.subarray(4)]);
  });

  test('a parent of 0 is none', () => {
    const options = { ...base('m'), parent: { low: 0, high: 0 } };
    expect(hasher.keys(range(1, 32), options)).toEqual(hasher.keys(range(1, 32), base('m')));
  });

  test('an adapter in place of the model, and a salt, change every key', () => {
    const plain = big(hasher.keys(range(1, 64), base('m')));
    const adapter = big(hasher.keys(range(1, 64), base('adapter')));
    const salted = big(hasher.keys(range(1, 64), { ...base('m'), extras: [['salt']] }));
    plain.forEach((key, i) => {
      expect(new Set([key, adapter[i], salted[i]]).size).toBe(3);
    });
  });

  test('results in place are the same, and copies outlive them also when memory grows', () => {
    const tokens = range(1, 400);
    const kept = hasher.keys(tokens.slice(100, 390), base('m'));
    expect([...hasher.keysInPlace(tokens, { start: 100, end: 390 }, base('m'))]).toEqual([...kept]);
    const before = [...kept];
    const extras = Array.from({ length: 12_500 }, () => ['x'.repeat(100)]);
    expect(hasher.keys(new Uint32Array(200_000), { ...base('m'), extras })).toHaveLength(25_000);
    expect([...kept]).toEqual(before);
  });
});

test.each([0, 1.5, -1, NaN])('a block size of %s is refused', (blockSizeTokens) => {
  const hasher = createRequestKeyHasher();
  expect(() => hasher.keys(range(1, 4), { model: 'm', blockSizeTokens })).toThrow(
    RequestKeyOptionsError,
  );
});

test('the committed WebAssembly is what its source compiles to', { timeout: 60_000 }, () => {
  const compile = new URL('../assembly/compile.ts', import.meta.url).pathname;
  const fresh = execFileSync(process.execPath, [compile, '--print', 'request-keys'], {
    encoding: 'utf8',
  });
  expect(readFileSync(new URL('./gen/request-keys-wasm.ts', import.meta.url), 'utf8')).toBe(fresh);
});
