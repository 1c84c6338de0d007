import { expect, test } from 'vitest';
import { goDuration, parseGoDuration } from './go-duration.ts';

test.each<[string | number, number | undefined]>([
  ['200ms', 200],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['2us', 0.002],
  ['2µs', 0.002],
  ['1000000ns', 1],
  ['0', 0],
  ['-1s', -1000],
  ['+1s', 1000],
  [1_000_000_000, 1000],
  [0, 0],
  ['60', undefined],
  ['', undefined],
  ['1 s', undefined],
  ['1d', undefined],
  ['1s2', undefined],
  ['s', undefined],
  [1.5, undefined],
])('the Go duration %j is %s ms', (text, expected) => {
  expect(parseGoDuration(text)).toBe(expected);
});

test('a field takes no negative duration', () => {
  expect(goDuration.safeParse('-1s').error?.issues[0]?.message).toMatch(/expected a duration/);
  expect(goDuration.safeParse(true).error?.issues[0]?.message).toMatch(/expected a duration/);
});
