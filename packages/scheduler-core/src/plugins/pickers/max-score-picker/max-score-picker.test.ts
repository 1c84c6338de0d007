import { describe, expect, test } from 'vitest';
import { createRandom } from '@llm-d/determinism';
import type { Endpoint } from '../../../endpoint.ts';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { maxScorePicker } from './max-score-picker.ts';

const [a, b, c] = [makeEndpoint('a'), makeEndpoint('b'), makeEndpoint('c')] as const;

const pick = (
  endpoints: readonly Endpoint[],
  totals: number[],
  options: { max?: number; seed?: number } = {},
) => {
  const { max = 1, seed = 1 } = options;
  const { picker } = makePlugin(
    maxScorePicker,
    { maxNumOfEndpoints: max },
    { random: createRandom(seed) },
  );
  const picked = picker?.pick(makeCycle(), { endpoints, totals: totals }) ?? [];
  return picked.map(({ name }) => name).join('');
};

describe.each([1, 3])('the max-score picker, asked for %d', (max) => {
  const first = (endpoints: readonly Endpoint[], totals: number[], seed = 1) =>
    pick(endpoints, totals, { max, seed })[0];

  test('puts the highest total in front', () => {
    expect(first([a, b, c], [1, 3, 2])).toBe('b');
    expect(first([a, b, c], [-3, -1, -2])).toBe('b');
  });

  test('breaks a tie by fewest reservations', () => {
    expect(first([a.reserved(2), b.reserved(1), c.reserved(3)], [1, 1, 1])).toBe('b');
    expect(first([a.reserved(2), b.reserved(9), c], [1, 2, 1])).toBe('b');
  });

  test('breaks what is still a tie at random and evenly', () => {
    const counts: Record<string, number> = {};
    for (let seed = 0; seed < 3000; seed++) {
      const name = first([a.reserved(5), a, b, c, c.reserved(1)], [1, 1, 1, 1, 1], seed) ?? '';
      counts[name] = (counts[name] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(['a', 'b', 'c']);
    for (const count of Object.values(counts)) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });
});

test('the max-score picker gives fall-backs in order, as many as asked for', () => {
  expect(pick([a, b, c], [1, 3, 2], { max: 2 })).toBe('bc');
  expect(pick([a, b, c], [1, 3, 2], { max: 9 })).toBe('bca');
});
