import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = new URL('..', import.meta.url).pathname;
const out = mkdtempSync(join(tmpdir(), 'llm-d-bundle-'));
afterAll(() => {
  rmSync(out, { recursive: true });
});

test('an app with native code is bundled with the binary for this machine, and runs', async () => {
  execFileSync(process.execPath, ['tools/bundle.ts', 'apps/inference-sim', out], { cwd: root });
  expect(readdirSync(out)).toEqual(expect.arrayContaining(['main.js', 'zeromq.node']));
  const config = '{"enable_kv_cache_events":true,"endpoint":"tcp://*:0"}';
  const args = [join(out, 'main.js'), '--port', '0', '--kv-events-config', config];
  // Nothing but the bundle is within reach.
  const child = spawn(process.execPath, args, { cwd: out });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exit = once(child, 'exit');
  const said = await Promise.race([once(child.stdout, 'data'), exit.then(() => [err])]);
  expect(String(said[0])).toMatch(/"endpoint":"tcp:\/\/\*:\d+".*"msg":"ready"/);
  child.kill('SIGTERM');
  expect([await exit, err]).toEqual([[0, null], '']);
}, 60_000);
