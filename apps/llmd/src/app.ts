// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { Command } from 'commander';
import { registerBenchCommand, type BenchDeps, type RunningArm } from './bench/index.ts';
import { registerConfigCommand } from './config/lint-command.ts';
import { registerConformanceCommand } from './conformance/conformance-command.ts';
import { demoSettings, registerDemoCommand } from './demo/demo-command.ts';
import { registerExplainCommand } from './explain/explain-command.ts';
import { startLocalStack, type Programs, type SimulatedFleet } from './stack/local-stack.ts';
import { mayReadKvEvents, policyArguments } from './stack/policies.ts';
import { addSimulationFlags, fleetOf, type SimulationFlags } from './stack/simulation-flags.ts';
import type { Output } from './up/screen.ts';
import { registerUpCommand } from './up/up-command.ts';

/** What the command line needs of the world. */
export interface LlmdDeps {
  readonly version: string;
  readonly programs: Programs;
  readonly clock: Clock;
  readonly output: Output;
  /** The terminal to draw moving bars on, when there is one. */
  readonly terminal: NodeJS.WritableStream | undefined;
  readonly color: boolean;
  /** Aborts when the person wants to end. */
  readonly signal: AbortSignal;
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Buffer>;
  readonly readFile: (path: string) => Promise<string>;
  readonly writeFile: (path: string, text: string) => Promise<void>;
  readonly traceFile: (workload: 'mooncake' | 'azure') => string;
}

/** The whole command line. */
export function createProgram(deps: LlmdDeps): Command {
  const program = new Command('llmd')
    .description(
      'Serve large language models: start a local stack, put a load on it, compare routing policies.',
    )
    .version(deps.version)
    .showHelpAfterError('(add --help for what there is)');
  const bench: Omit<BenchDeps, 'startArm'> = {
    clock: deps.clock,
    output: {
      write: (text) => deps.output.write(text),
      ...(deps.terminal && { terminal: deps.terminal }),
    },
    signal: deps.signal,
    color: deps.color,
    readFile: deps.readFile,
    writeFile: deps.writeFile,
    traceFile: deps.traceFile,
  };
  registerUpCommand(program, deps);
  registerBench(program, bench, deps);
  registerDemoCommand(program, { ...bench, startArm: armStarter(demoFleet, deps) });
  registerExplainCommand(program, deps);
  registerConfigCommand(program, deps);
  registerConformanceCommand(program, deps);
  return program;
}

const demoFleet: SimulatedFleet = {
  kind: 'simulated',
  engines: demoSettings.engines,
  firstPort: 0,
  model: 'sim-model',
  profile: 'llama-3.1-8b-a100',
  timeScale: demoSettings.speed,
  args: [],
};

/** `bench` with the flags of the fleets that `--compare` starts. */
function registerBench(program: Command, bench: Omit<BenchDeps, 'startArm'>, deps: LlmdDeps): void {
  // The action runs after parsing, so the flags are settled when an arm starts.
  const startArm = (policy: string): Promise<RunningArm> =>
    armStarter(fleetOf(command.opts<SimulationFlags>(), 0), deps)(policy);
  registerBenchCommand(program, { ...bench, startArm });
  const command = program.commands.find((candidate) => candidate.name() === 'bench') ?? program;
  addSimulationFlags(command, { engines: 4, timeScale: 1 });
}

/** Starts fresh engines with a gateway that routes by the given policy. */
function armStarter(fleet: SimulatedFleet, { programs, clock }: LlmdDeps) {
  return async (policy: string): Promise<RunningArm> => {
    const stack = await startLocalStack({
      programs,
      clock,
      fleet,
      events: mayReadKvEvents(policy) ? { natsUrl: undefined, redisUrl: undefined } : undefined,
      gateway: {
        host: '127.0.0.1',
        port: 0,
        args: (renderUrls) => policyArguments(policy, { renderUrls, model: fleet.model }),
      },
    });
    return {
      url: stack.url,
      engineUrls: stack.endpoints,
      // As the answers of inference-sim name themselves.
      endpoints: stack.endpoints.map((url) => `inference-sim:${new URL(url).port}`),
      stop: () => stack.stop(),
    };
  };
}
