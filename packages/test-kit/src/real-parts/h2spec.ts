// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { obtain, type RealPart } from './real-part.ts';

const program = 'github.com/summerwind/h2spec/cmd/h2spec';

/** The HTTP/2 conformance tool h2spec, built from its Go module. */
export const findH2spec = (): Promise<RealPart> =>
  obtain({
    name: 'h2spec-2.2.1',
    timeoutMs: 300_000,
    make: async (work, { run }) => {
      await writeFile(join(work, 'go.mod'), 'module h2spec.local\n');
      const env = { GOFLAGS: '-mod=mod' };
      await run('go', ['get', `${program}@v2.2.1+incompatible`], { env });
      await run('go', ['build', '-trimpath', '-o', 'h2spec', program], { env });
      return join(work, 'h2spec');
    },
  });
