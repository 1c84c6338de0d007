// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** A program that does not outlive this process, however this process ends. Disposing of it kills it. */
export interface GuardedProcess extends AsyncDisposable {
  /** Whether it has ended. */
  readonly ended: boolean;
  /** Resolves when it has ended. */
  readonly exited: Promise<void>;
  /** The end of what it has said so far. */
  log(): Promise<string>;
}

const LOG_TAIL_CHARACTERS = 4000;

/** Runs the program in the background and, when the pipe from us closes, kills it: ours also closes when we are killed. */
const guard =
  'exec 3<&0; "$@" </dev/null & program=$!; (cat <&3 >/dev/null; kill -KILL $program 2>/dev/null) & exec 3<&-; wait $program';

/** Starts `program`; what it says goes to `logFile`. */
export function startGuarded(
  program: string,
  args: readonly string[],
  options: { readonly logFile: string },
): GuardedProcess {
  const log = openSync(options.logFile, 'w');
  const child = spawn('sh', ['-c', guard, 'sh', program, ...args], { stdio: ['pipe', log, log] });
  closeSync(log);
  const exited = once(child, 'exit').then(() => undefined);
  // A program that ends first leaves a pipe that nobody reads.
  child.stdin?.on('error', () => undefined);
  return {
    get ended() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    exited,
    log: async () => (await readFile(options.logFile, 'utf8')).slice(-LOG_TAIL_CHARACTERS),
    [Symbol.asyncDispose]: async () => {
      child.stdin?.end();
      await exited;
    },
  };
}
