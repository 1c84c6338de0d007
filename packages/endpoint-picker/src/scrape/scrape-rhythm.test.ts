import { expect, test } from 'vitest';
import { ScrapeRhythm } from './scrape-rhythm.ts';

const rhythm = () => new ScrapeRhythm({ intervalMs: 50, idleIntervalMs: 150 });
const after = (...atRest: readonly boolean[]): number => {
  const scrapes = rhythm();
  return atRest.map((rest) => scrapes.next(rest)).at(-1) ?? NaN;
};

test.each([
  ['an endpoint at work is asked at the full rate', [false, false, false, false, false], 50],
  ['one that came to rest a moment ago as well', [true, true, true], 50],
  ['one that stays at rest is asked less often', [true, true, true, true], 150],
  ['one that works again is asked at the full rate at once', [true, true, true, true, false], 50],
  ['and has to come to rest anew', [true, true, true, true, false, true, true, true], 50],
])('%s', (_, scrapes, expected) => {
  expect(after(...scrapes)).toBe(expected);
});
