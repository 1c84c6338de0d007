// SPDX-License-Identifier: Apache-2.0
import type { MakingSteps } from '../real-part.ts';

/** A Go module in the module cache. */
export interface GoModule {
  /** Its files, read-only. */
  readonly folder: string;
  /** Its `go.mod`. */
  readonly goMod: string;
}

/** Downloads `module@version` through the Go client. Rejects where it does not exist. */
export async function downloadModule(name: string, { run }: MakingSteps): Promise<GoModule> {
  const text = await run('go', ['mod', 'download', '-json', name], { env: { GOFLAGS: '' } });
  // What `go help mod download` documents.
  const { Dir, GoMod } = JSON.parse(text) as { Dir: string; GoMod: string };
  return { folder: Dir, goMod: GoMod };
}
