import { describe, expect, test } from 'vitest';
import { formatted, meets, resultTable } from './result-table.ts';

test.each([
  [12_345.6, '12,346'],
  [12.345, '12.3'],
  [1.2345, '1.23'],
  [0.12345, '0.123'],
  [NaN, 'NaN'],
])('%d is written as %s', (value, text) => {
  expect(formatted(value)).toBe(text);
});

describe('a promise is kept', () => {
  const figure = (samples: number[], bar: { atLeast: number } | { atMost: number }) =>
    meets({ name: 'f', unit: '', samples, bar });

  test('by the median, not by the best sample', () => {
    expect(figure([1, 2, 9], { atLeast: 3 })).toBe(false);
    expect(figure([1, 8, 9], { atMost: 3 })).toBe(false);
  });

  test('at the bar itself', () => {
    expect(figure([3], { atLeast: 3 })).toBe(true);
    expect(figure([3], { atMost: 3 })).toBe(true);
  });

  test('by nothing where nothing was promised', () => {
    expect(meets({ name: 'f', unit: '', samples: [1] })).toBeUndefined();
  });

  test('never by a figure that is no number', () => {
    expect(figure([NaN], { atMost: 3 })).toBe(false);
  });
});

test('a table shows figure, range, bar and remarks', () => {
  const text = resultTable('speed', {
    figures: [{ name: 'requests', unit: '1/s', samples: [1, 3, 2], bar: { atLeast: 5 } }],
    remarks: ['somebody else was busy'],
  });
  expect(text).toMatch(/requests.*2.*1\/s.*1 – 3.*≥ 5.*MISSED/);
  expect(text).toContain('somebody else was busy');
});
