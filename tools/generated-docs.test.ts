import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { generatedDocs } from './generated-docs.ts';

test(
  'generated pages are what the code says; run `npx --yes pnpm@10 docs` after a change',
  { timeout: 60_000 },
  () => {
    for (const { path, text } of generatedDocs()) {
      expect(readFileSync(resolve(import.meta.dirname, '..', path), 'utf8'), path).toBe(text);
    }
  },
);
