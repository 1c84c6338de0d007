import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generate } from './generate.testing.ts';

test('the committed code is what the .proto files generate', { timeout: 60_000 }, () => {
  for (const [name, content] of Object.entries(generate())) {
    const committed = readFileSync(new URL(`gen/${name}`, import.meta.url), 'utf8');
    // Not toEqual: a difference of thousands of lines says less than the command to run.
    expect(committed === content, `${name}: run "pnpm --dir packages/protos generate"`).toBe(true);
  }
});
