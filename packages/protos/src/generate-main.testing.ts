// SPDX-License-Identifier: Apache-2.0
// Writes src/gen from the .proto files.
import { writeFileSync } from 'node:fs';
import { generate } from './generate.testing.ts';

for (const [name, content] of Object.entries(generate()))
  writeFileSync(new URL(`gen/${name}`, import.meta.url), content);
