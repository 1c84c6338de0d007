import { expect, test } from 'vitest';
import { createRandom } from '@llm-d/determinism';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { randomPicker } from './random-picker.ts';

const endpoints = ['a', 'b', 'c'].map((name) => makeEndpoint(name));
const scored = { endpoints, totals: [0, 100, 0] };

test('the random picker gives every candidate the same chance, whatever it scored', () => {
  const { picker } = makePlugin(randomPicker, {}, { random: createRandom(3) });
  const counts: Record<string, number> = {};
  for (let i = 0; i < 3000; i++) {
    const name = picker?.pick(makeCycle(), scored)[0]?.name ?? '';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  for (const { name } of endpoints) expect(Math.abs((counts[name] ?? 0) - 1000)).toBeLessThan(120);
});

test('the random picker leaves the candidates as they are', () => {
  makePlugin(randomPicker, { maxNumOfEndpoints: 3 }).picker?.pick(makeCycle(), scored);
  expect(endpoints.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});
