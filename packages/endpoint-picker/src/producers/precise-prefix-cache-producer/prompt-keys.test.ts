import { createRequestKeyHasher } from '@llm-d/kv-index';
import { expect, test } from 'vitest';
import { promptKeys } from './prompt-keys.ts';

const hasher = createRequestKeyHasher();
const options = { hasher, blockSizeTokens: 16, model: 'test-model', cacheSalt: '' };
const tokens = (length: number, first = 1) => Uint32Array.from({ length }, (_, i) => first + i);
const decimal = (keys: Uint32Array): string[] =>
  Array.from({ length: keys.length / 2 }, (_, i) =>
    String((BigInt(keys[2 * i + 1] ?? 0) << 32n) | BigInt(keys[2 * i] ?? 0)),
  );

test('blocks have the names that llm-d gives them', () => {
  const [prompt] = promptKeys({ ids: tokens(50), estimated: false }, options);
  expect(prompt?.blocks).toBe(3);
  expect(decimal(prompt?.keys ?? new Uint32Array())).toEqual([
    '9540012594951042066',
    '16921089685996993662',
    '1342399872045281493',
  ]);
});

test('media are extras of the blocks that their placeholders reach into', () => {
  const image = (key: string, offset: number, length: number) => ({
    kind: 'image' as const,
    key,
    offset,
    length,
  });
  const media = [image('hash_B', 40, 2), image('hash_A', 31, 8)];
  const [prompt] = promptKeys({ ids: tokens(48), estimated: false, media }, options);
  expect(decimal(prompt?.keys ?? new Uint32Array())).toEqual([
    '9540012594951042066',
    '9961361721018301924',
    '2147344814824369668',
  ]);
  expect(prompt?.mediaBlocks).toEqual([1, 2]);
});

test('a cache salt is the last extra of the first block and keeps all of the chain apart', () => {
  const salted = { ...options, cacheSalt: 'tenant' };
  const [prompt] = promptKeys({ ids: tokens(48), estimated: false }, salted);
  const expected = hasher.keys(tokens(48), { ...options, extras: [['tenant']] });
  expect(prompt?.keys).toEqual(expected);
  expect(prompt?.mediaBlocks).toEqual([]);
});

test('each of several prompts has a chain of its own, with its own media', () => {
  const ids = Uint32Array.from([...tokens(20), ...tokens(48)]);
  const media = [{ kind: 'image' as const, key: 'i', offset: 40, length: 1 }];
  const both = promptKeys({ ids, estimated: false, promptStarts: [20], media }, options);
  expect(both.map(({ blocks, mediaBlocks }) => [blocks, mediaBlocks])).toEqual([
    [1, []],
    [3, [1]],
  ]);
  const [alone] = promptKeys({ ids: tokens(20), estimated: false }, options);
  expect(both[0]?.keys).toEqual(alone?.keys);
});

test('a prompt shorter than a block has none', () => {
  const salted = { ...options, cacheSalt: 'tenant' };
  const [prompt] = promptKeys({ ids: tokens(15), estimated: false }, salted);
  expect(prompt).toMatchObject({ blocks: 0, mediaBlocks: [] });
});
