import { chmod } from 'node:fs/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { createTempDir } from '../temp-dir.ts';
import { findVllm } from './vllm.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each([
  [
    'there is no Python',
    undefined,
    /no Python that makes virtual environments: python3\.12: .*ENOENT/,
  ],
  [
    'Python is too old',
    'echo Python 3.11 to 3.13 is needed >&2; exit 1',
    /python3: Python 3\.11 to/,
  ],
])('where %s that is said', async (_, script, reason) => {
  await using home = await createTempDir();
  vi.stubEnv('HOME', home.path);
  vi.stubEnv('PATH', home.path);
  if (script !== undefined) {
    await chmod(await home.write('python3', `#!/bin/sh\n${script}\n`), 0o755);
  }
  const elsewhere = process.platform !== 'linux' || process.arch !== 'x64';
  const missing = expect.stringMatching(elsewhere ? /x86-64/ : reason) as string;
  expect(await findVllm()).toEqual({ missing });
});
