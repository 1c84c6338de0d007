// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of one's own. Disposing of it removes it with all that is in it. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
  /** Writes a file into it and returns the file's path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
}

/** Makes an empty folder in the system's place for such things. */
export async function createTempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), 'llm-d-test-'));
  return {
    path,
    write: async (name, content) => {
      const file = join(path, name);
      await writeFile(file, content);
      return file;
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
