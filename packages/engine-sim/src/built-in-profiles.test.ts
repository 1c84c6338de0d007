import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { builtInProfiles, findBuiltInProfile } from './built-in-profiles.ts';
import { parseProfile } from './profile.ts';

const folder = new URL('../profiles/', import.meta.url);
const files = readdirSync(folder).sort();
const parsed = files.map((file) => parseProfile(readFileSync(new URL(file, folder), 'utf8'), file));

// After a change of a profile: `npx --yes pnpm@10 test packages/engine-sim -u` writes the module anew.
test('the embedded profiles are the files', async () => {
  const module = `// SPDX-License-Identifier: Apache-2.0
// Generated from profiles/*.yaml by built-in-profiles.test.ts. Do not edit.
import type { EngineProfile } from '../profile.ts';

export const embeddedProfiles: readonly EngineProfile[] = ${JSON.stringify(parsed, null, 2)};
`;
  await expect(module).toMatchFileSnapshot('./gen/embedded-profiles.ts');
});

test('a profile is found by the name of its file', () => {
  expect(builtInProfiles.map(({ name }) => `${name}.yaml`)).toEqual(files);
  expect(files).toContain('llama-3.1-8b-a100.yaml');
  expect(findBuiltInProfile('llama-3.1-8b-a100')).toEqual(
    parsed[files.indexOf('llama-3.1-8b-a100.yaml')],
  );
  expect(findBuiltInProfile('nothing')).toBeUndefined();
});
