// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The core of the system under test, and the one of whoever loads it. */
export const SUBJECT_CORE = 0;
export const GENERATOR_CORE = 1;

/** Whether processes can be bound to cores here: there are two, and util-linux' `taskset`. */
export const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** Binds all threads of this process, and what it starts later, to one core. Does nothing where that is impossible. */
export function pinSelf(core: number): void {
  pinProcess(process.pid, core);
}

/** The same with another process. */
export function pinProcess(pid: number, core: number): void {
  if (canPin) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)]);
}

/** A command line that runs `command` on one core, or as it is where that is impossible. */
export function pinned(core: number, command: readonly string[]): readonly string[] {
  return canPin ? ['taskset', '-c', String(core), ...command] : command;
}
