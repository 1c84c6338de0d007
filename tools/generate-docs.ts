// Writes the pages of docs/ that are made from code: `npx --yes pnpm@10 docs`.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { generatedDocs } from './generated-docs.ts';

for (const { path, text } of generatedDocs()) {
  writeFileSync(resolve(import.meta.dirname, '..', path), text);
  console.log(path);
}
