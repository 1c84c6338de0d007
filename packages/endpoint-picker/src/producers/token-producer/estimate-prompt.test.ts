import type { MediaItem } from '@llm-d/scheduler-core';
import { expect, test } from 'vitest';
import { estimatePrompt } from './estimate-prompt.ts';

const text = (value: string) => Buffer.from(value);
const image = (key: string, textOffset = 0): MediaItem => ({ kind: 'image', key, textOffset });
const three = () => 3;

test('media stand where they stand in the text, which is padded before them', () => {
  const { ids, media } = estimatePrompt(text('abcdefgh'), [image('x', 5)], three);
  expect(media).toEqual([{ kind: 'image', key: 'x', offset: 2, length: 3 }]);
  const [placeholder] = ids.subarray(2);
  expect([...ids]).toEqual([
    0x64636261,
    0x00000065,
    placeholder,
    placeholder,
    placeholder,
    0x00686766,
  ]);
});

test('media that follow each other keep their order', () => {
  const { ids, media } = estimatePrompt(text('abcd'), [image('x', 4), image('y', 4)], three);
  expect(media?.map(({ key, offset }) => [key, offset])).toEqual([
    ['x', 1],
    ['y', 4],
  ]);
  expect(ids).toHaveLength(7);
  expect(ids[1]).not.toBe(ids[4]);
});

test('the same media give the same tokens, wherever the prompt goes from there', () => {
  const first = estimatePrompt(text('abcdWhat is it?'), [image('x', 4)], three);
  const second = estimatePrompt(text('abcdAnd this?'), [image('x', 4)], three);
  expect(first.ids.subarray(0, 4)).toEqual(second.ids.subarray(0, 4));
});

test('a request cannot claim media without bounds', () => {
  const items = [image('x'), image('y')];
  const { ids, media } = estimatePrompt(text(''), items, () => 4_000_000);
  expect(ids).toHaveLength((1 << 20) + 1);
  expect(media?.map(({ length }) => length)).toEqual([1 << 20, 1]);
});
