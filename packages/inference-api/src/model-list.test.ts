import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mergeModelLists, readModelList } from './model-list.ts';

function golden(name: string): Buffer {
  return readFileSync(new URL(`./testdata/${name}`, import.meta.url));
}

test('captured lists are merged: each id once, as the first list has it', () => {
  const plain = readModelList(golden('models.json'));
  const withLora = readModelList(golden('models_with_lora.json').toString());
  expect(plain.map(({ id }) => id)).toEqual(['tiny']);
  const merged = mergeModelLists([plain, withLora]);
  expect(merged.object).toBe('list');
  expect(merged.data.map(({ id }) => id)).toEqual(['tiny', 'tiny-lora']);
  expect(merged.data[0]).toBe(plain[0]);
  expect(merged.data[1]).toMatchObject({ parent: 'tiny', owned_by: 'vllm' });
});

test.each([
  [undefined],
  [null],
  ['no JSON'],
  [{ error: { message: 'x' } }],
  [{ data: 'x' }],
  [{ data: [null, 1, {}, { id: 5 }, { id: '' }] }],
])('%j has no models', (answer) => {
  expect(readModelList(answer)).toEqual([]);
});

test('a bare array is taken as a list', () => {
  expect(readModelList([{ id: 'a', x: 1 }])).toEqual([{ id: 'a', x: 1 }]);
  expect(mergeModelLists([])).toEqual({ object: 'list', data: [] });
});
