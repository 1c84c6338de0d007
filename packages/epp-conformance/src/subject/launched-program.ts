// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { spawn, type ChildProcess } from 'node:child_process';
import { kill } from 'node:process';

/** A program that runs in a process group of its own. Disposing of it ends all of the group. */
export interface LaunchedProgram extends AsyncDisposable {
  /** How it ended and what it said last; undefined while it runs. */
  readonly ended: string | undefined;
  terminate(): void;
  /** Its exit code, null for an end by a signal; undefined when it still runs after `waitMs`. */
  exit(waitMs: number): Promise<number | null | undefined>;
}

/** Time from SIGTERM to SIGKILL. */
const GRACE_MS = 2000;
/** Of its output, as much is kept to explain how it ended. */
const KEPT_CHARACTERS = 2000;

/** Runs one program, with arguments and variables written as for a shell. */
export function launchProgram(commandLine: string, clock: Clock): LaunchedProgram {
  return new ShellProgram(commandLine, clock);
}

class ShellProgram implements LaunchedProgram {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #closed: Promise<number | null>;
  #output = '';
  #ended: string | undefined;

  constructor(commandLine: string, clock: Clock) {
    this.#clock = clock;
    // Nothing is said on the channel: programs on Node see by its end that whoever started them is gone.
    // The shell makes room for the program, so that signals reach it and its exit code comes back; `env` takes variables.
    const child = spawn(`exec env ${commandLine}`, {
      shell: true,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_CHARACTERS);
      });
    }
    this.#closed = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#ended = error.message;
        resolve(null);
      });
      child.on('close', (code, signal) => {
        const how = code === null ? `ended by ${signal ?? 'a signal'}` : `ended with code ${code}`;
        this.#ended ??= `it ${how}; it said last: ${this.#output.trim() || 'nothing'}`;
        resolve(code);
      });
    });
  }

  get ended(): string | undefined {
    return this.#ended;
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  exit(waitMs: number): Promise<number | null | undefined> {
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(waitMs, () => {
        resolve(undefined);
      });
      void this.#closed.then((code) => {
        timer.cancel();
        resolve(code);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    if (this.#ended === undefined) await this.exit(GRACE_MS);
    this.#killGroup();
    await this.#closed;
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      kill(-pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
  }
}
