import { expect, test } from 'vitest';
import { createKnownValues } from './known-values.ts';

test('the first values stay, later ones become other', () => {
  const known = createKnownValues(2);
  expect(['a', 'b', 'c', 'a', 'c'].map(known)).toEqual(['a', 'b', 'other', 'a', 'other']);
});
