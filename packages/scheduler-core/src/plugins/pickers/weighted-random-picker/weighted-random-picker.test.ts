import { expect, test } from 'vitest';
import { createRandom } from '@llm-d/determinism';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { weightedRandomPicker } from './weighted-random-picker.ts';

const endpoints = ['a', 'b', 'c'].map((name) => makeEndpoint(name));

const shares = (totals: number[], max = 1): Record<string, number> => {
  const { picker } = makePlugin(
    weightedRandomPicker,
    { maxNumOfEndpoints: max },
    { random: createRandom(5) },
  );
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
  const rounds = 6000;
  for (let i = 0; i < rounds; i++) {
    const picked = picker?.pick(makeCycle(), { endpoints, totals: totals }) ?? [];
    const last = picked.at(-1)?.name ?? '';
    counts[last] = (counts[last] ?? 0) + 1 / rounds;
  }
  return counts;
};

test.each([
  { totals: [1, 2, 3], expected: [1 / 6, 2 / 6, 3 / 6] },
  { totals: [0.001, 0, 0.003], expected: [0.25, 0, 0.75] },
  { totals: [0, 0, 0], expected: [1 / 3, 1 / 3, 1 / 3] },
  { totals: [-1, 0, 2], expected: [0, 0, 1] },
])('totals $totals are picked with their shares', ({ totals, expected }) => {
  const { a, b, c } = shares(totals);
  [a, b, c].forEach((share, i) => {
    expect(Math.abs((share ?? 0) - (expected[i] ?? 0))).toBeLessThan(0.03);
  });
});

test('the second choice is drawn from what the first one left', () => {
  const { a, b } = shares([0, 1, 0], 2);
  expect(b).toBe(0);
  expect(Math.abs((a ?? 0) - 0.5)).toBeLessThan(0.03);
});
