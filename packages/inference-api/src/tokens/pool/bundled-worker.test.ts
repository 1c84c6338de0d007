import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tinyModel } from '../fixtures.testing.ts';

const run = promisify(execFile);
const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

test('workers start from the bundle of an app, which has them in files of their own', async () => {
  const app = pathOf('../testdata/bundled-app');
  const dist = join(app, 'dist');
  try {
    await run(process.execPath, [pathOf('../../../../../tools/bundle.ts'), app]);
    const { stdout } = await run(process.execPath, [
      join(dist, 'main.js'),
      tinyModel,
      'Hello world',
    ]);
    expect(JSON.parse(stdout)).toEqual([1, 1111, 602]);
    const scripts = (await readdir(dist)).filter((name) => name.endsWith('.js'));
    expect(scripts.some((name) => name.startsWith('tokenizer-worker-'))).toBe(true);
  } finally {
    await rm(dist, { recursive: true, force: true });
  }
});
