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

/**
 * The same for a program that starts others: it gets a process group, and whoever of it is left is killed with it. Waits
 * until all are gone, at most five seconds: where nobody collects the dead they stay.
 */
const groupGuard =
  'exec 3<&0; setsid "$@" </dev/null & program=$!; (cat <&3 >/dev/null; kill -KILL -$program 2>/dev/null) & exec 3<&-; wait $program; kill -KILL -$program 2>/dev/null; for _ in $(seq 100); do kill -0 -$program 2>/dev/null || break; sleep 0.05; done';

export interface GuardOptions {
  /** What it says goes there. */
  readonly logFile: string;
  /** Whether it starts programs itself, which must not outlive it either. Needs `setsid`. Default false. */
  readonly wholeGroup?: boolean;
}

/** Starts `program`. */
export function startGuarded(
  program: string,
  args: readonly string[],
  { logFile, wholeGroup = false }: GuardOptions,
): GuardedProcess {
  const log = openSync(logFile, 'w');
  const script = wholeGroup ? groupGuard : guard;
  const child = spawn('sh', ['-c', script, 'sh', program, ...args], { stdio: ['pipe', log, log] });
  closeSync(log);
  const exited = once(child, 'exit').then(() => undefined);
  // A program that ends first leaves a pipe that nobody reads.
  child.stdin?.on('error', () => undefined);
  return {
    get ended() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    exited,
    log: async () => (await readFile(logFile, 'utf8')).slice(-LOG_TAIL_CHARACTERS),
    [Symbol.asyncDispose]: async () => {
      child.stdin?.end();
      await exited;
    },
  };
}
