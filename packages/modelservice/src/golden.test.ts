import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { goldens, textOf } from './golden.testing.ts';

test.each(goldens)('$name renders into what testdata keeps', ({ output, rendering }) => {
  const text = textOf(rendering);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(output, text);
  expect(rendering.problems).toEqual([]);
  expect(text).toBe(readFileSync(output, 'utf8'));
});
