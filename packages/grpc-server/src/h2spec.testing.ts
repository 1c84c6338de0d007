// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const version = 'v2.2.1+incompatible';
const buildTimeoutMs = 300_000;
const runTimeoutMs = 120_000;

/** The h2spec program, or why it cannot be had. */
export type H2spec = { readonly path: string } | { readonly missing: string };

/** Finds h2spec in the cache folder, or builds it there from its Go module. */
export async function findH2spec(): Promise<H2spec> {
  const folder = join(homedir(), '.cache', 'llm-d');
  const path = join(folder, 'h2spec-2.2.1');
  if (existsSync(path)) return { path };
  const work = mkdtempSync(join(tmpdir(), 'h2spec-'));
  try {
    writeFileSync(join(work, 'go.mod'), 'module h2spec.local\n');
    const go = { cwd: work, timeout: buildTimeoutMs, env: { ...process.env, GOFLAGS: '-mod=mod' } };
    await run('go', ['get', `github.com/summerwind/h2spec/cmd/h2spec@${version}`], go);
    const built = join(work, 'h2spec');
    await run(
      'go',
      ['build', '-trimpath', '-o', built, 'github.com/summerwind/h2spec/cmd/h2spec'],
      go,
    );
    mkdirSync(folder, { recursive: true });
    // Two runs may build at once: the last rename wins, and each file is whole.
    const staged = `${path}.${process.pid}`;
    await run('cp', [built, staged]);
    renameSync(staged, path);
    return { path };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { missing: text.split('\n')[0] ?? text };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs every test of h2spec against a local port; gives what it printed, also when some failed. */
export async function runH2spec(
  path: string,
  options: { readonly port: number; readonly tls: boolean },
): Promise<string> {
  const tls = options.tls ? ['--tls', '--insecure'] : [];
  const args = ['--host', '127.0.0.1', '--port', String(options.port), '--strict', ...tls];
  try {
    return (await run(path, args, { timeout: runTimeoutMs, maxBuffer: 2 ** 24 })).stdout;
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) return String(error.stdout);
    throw error;
  }
}
