// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError, type Command } from 'commander';
import type { SimulatedFleet } from './local-stack.ts';

/** What people may say about simulated engines. */
export interface SimulationFlags {
  readonly engines: number;
  /** Model that they serve; {@link SIMULATED_MODEL} where none is named. */
  readonly model?: string;
  readonly profile: string;
  readonly timeScale: number;
  readonly engineArg: readonly string[];
}

/** Model of simulated engines unless another is named. */
export const SIMULATED_MODEL = 'sim-model';

export const numberFrom =
  (least: number, { whole = false } = {}) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= least) || (whole && !Number.isInteger(value))) {
      throw new InvalidArgumentError(`expected a ${whole ? 'whole ' : ''}number from ${least}`);
    }
    return value;
  };

/** Adds the flags that describe simulated engines. */
export function addSimulationFlags(
  command: Command,
  defaults: Pick<SimulationFlags, 'engines' | 'timeScale'>,
): Command {
  return command
    .option('--engines <n>', 'simulated engines', numberFrom(1, { whole: true }), defaults.engines)
    .option('--profile <name>', 'profile of their speed and memory', 'llama-3.1-8b-a100')
    .option(
      '--time-scale <factor>',
      'how much faster than real they run',
      numberFrom(0.001),
      defaults.timeScale,
    )
    .option(
      '--engine-arg <arg>',
      'further argument of inference-sim (repeatable)',
      (arg: string, before: readonly string[]) => [...before, arg],
      [] as readonly string[],
    );
}

/** The fleet that flags describe. */
export const fleetOf = (flags: SimulationFlags, firstPort: number): SimulatedFleet => ({
  kind: 'simulated',
  engines: flags.engines,
  firstPort,
  model: flags.model ?? SIMULATED_MODEL,
  profile: flags.profile,
  timeScale: flags.timeScale,
  args: flags.engineArg,
});
