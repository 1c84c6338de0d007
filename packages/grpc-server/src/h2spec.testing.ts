// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const runTimeoutMs = 120_000;

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
