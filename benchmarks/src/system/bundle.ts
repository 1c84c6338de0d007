// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** Makes an app's bundle, which is what users run, unless it is fresh, and says where it is. Throws where that fails. */
export function bundleApp(app: 'gateway' | 'epp' | 'routing-sidecar'): string {
  const { status, stderr } = spawnSync(
    resolve(ROOT, 'node_modules/.bin/nx'),
    ['run-many', '-t', 'bundle', '-p', `@llm-d/${app}`, '--outputStyle=static'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${app} could not be bundled: ${stderr}`);
  return resolve(ROOT, `apps/${app}/dist/main.js`);
}
