import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTempDir, type TempDir } from '../temp-dir.ts';
import { isSkipped, obtain, pathOf, titleWith, type RealPartRecipe } from './real-part.ts';

let home: TempDir;
beforeEach(async () => {
  home = await createTempDir();
  vi.stubEnv('HOME', home.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await home[Symbol.asyncDispose]();
});

const recipe = (make: RealPartRecipe['make']): RealPartRecipe => ({
  name: 'part-1.0',
  timeoutMs: 10_000,
  make,
});

const writing = recipe(async (work, { run }) => {
  await run('sh', ['-c', 'printf made > part']);
  return join(work, 'part');
});

test('a part is made once, also when several ask at the same moment, and kept', async () => {
  const make = vi.fn(writing.make);
  const [first, second] = await Promise.all([obtain(recipe(make)), obtain(recipe(make))]);
  const third = await obtain(recipe(make));
  expect(make).toHaveBeenCalledTimes(1);
  expect([second, third]).toEqual([first, first]);
  expect(await readFile(pathOf(first), 'utf8')).toBe('made');
});

test('a part that cannot be made says why and leaves nothing behind', async () => {
  const part = await obtain(
    recipe((_, { run }) => run('sh', ['-c', 'echo no network >&2; exit 3'])),
  );
  expect(part).toEqual({ missing: expect.stringContaining('no network') as string });
  expect(existsSync(join(home.path, '.cache/llm-d/part-1.0.lock'))).toBe(false);
  expect(await obtain(writing)).toHaveProperty('path');
});

test('a lock whose owner is dead does not stop anybody', async () => {
  await obtain(recipe(() => Promise.reject(new Error('to make the folder'))));
  // Process ids end well below this one.
  await writeFile(join(home.path, '.cache/llm-d/part-1.0.lock'), '99999999');
  expect(await obtain(writing)).toHaveProperty('path');
});

test.each([
  ['is left out where nobody insists on it', '', true],
  ['is not left out where the environment insists', '1', false],
])('a suite without its part %s', (_, required, skipped) => {
  vi.stubEnv('LLMD_REQUIRE_REAL_PARTS', required);
  const part = { missing: 'no compiler' };
  expect(isSkipped(part)).toBe(skipped);
  expect(titleWith('suite', part)).toBe('suite (left out: no compiler)');
  expect(() => pathOf(part)).toThrow('no compiler');
});
