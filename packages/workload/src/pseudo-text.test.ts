import { expect, test } from 'vitest';
import { pseudoText } from './pseudo-text.ts';

test('a shorter text is the beginning of a longer one with the same label', () => {
  const long = pseudoText('g1.', { seed: 3, tokens: 500 });
  expect(long).toHaveLength(2000);
  expect(long.startsWith(pseudoText('g1.', { seed: 3, tokens: 20 }))).toBe(true);
  expect(pseudoText('g1.', { seed: 3, tokens: 0 })).toBe('');
});
