import { expect, test } from 'vitest';
import { closestName, didYouMean } from './closest-name.ts';

const names = ['queue-scorer', 'max-score-picker', 'lruSize'];

test.each([
  ['quue-scorer', 'queue-scorer'],
  ['lrusize', 'lruSize'],
  ['queue', 'queue-scorer'],
  ['max-scorer-picker', 'max-score-picker'],
  ['something-else', undefined],
  ['', undefined],
])('%j was meant to be %j', (name, expected) => {
  expect(closestName(name, names)).toBe(expected);
});

test('a suggestion is made only where there is one', () => {
  expect(didYouMean('lruSise', names)).toBe('; did you mean "lruSize"?');
  expect(didYouMean('unlike-anything', names)).toBe('');
});
