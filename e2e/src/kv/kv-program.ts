// SPDX-License-Identifier: Apache-2.0
import { startProgram, type ProgramOptions, type RunningProgram } from '@llm-d/test-kit';

/** One of our programs that may die and come back with the same arguments. Disposing of it kills it. */
export interface KvProgram extends AsyncDisposable {
  /** Where it serves since it was last started. */
  readonly url: string;
  readonly pid: number;
  /** What it has written since it was last started. */
  readonly stdout: string;
  /** Ends it as the kernel does, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again and resolves when it serves. */
  start(): Promise<void>;
}

/** A program that is not started yet; `options` is asked before every start. */
export function prepareProgram(options: () => ProgramOptions): KvProgram {
  let running: RunningProgram | undefined;
  const present = (): RunningProgram => {
    if (running === undefined) throw new Error(`${options().app} was not started`);
    return running;
  };
  return {
    get url() {
      return present().url;
    },
    get pid() {
      return present().pid;
    },
    get stdout() {
      return present().stdout;
    },
    kill: () => present().kill(),
    start: async () => {
      await running?.kill();
      running = await startProgram(options());
    },
    [Symbol.asyncDispose]: async () => running?.kill(),
  };
}
