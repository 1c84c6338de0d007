// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { ChildStartError, startChild, type Child, type ChildState } from './child.ts';

/** Where the programs are that a stack is made of. */
export interface Programs {
  readonly gateway: string;
  readonly inferenceSim: string;
  /** Arguments for Node itself, such as the condition that runs sources. */
  readonly nodeArgs?: readonly string[];
}

/** Simulated engines. */
export interface SimulatedFleet {
  readonly kind: 'simulated';
  readonly engines: number;
  /** First port; 0 lets the system choose each. */
  readonly firstPort: number;
  readonly model: string;
  readonly profile: string;
  /** How much faster than real the engines run. */
  readonly timeScale: number;
  /** Further arguments of `inference-sim`. */
  readonly args: readonly string[];
}

/** Model servers that run already. */
export interface GivenFleet {
  readonly kind: 'given';
  readonly endpoints: readonly string[];
  readonly endpointsFile: string | undefined;
}

export interface LocalStackOptions {
  readonly programs: Programs;
  readonly clock: Clock;
  readonly fleet: SimulatedFleet | GivenFleet;
  readonly gateway: {
    readonly host: string;
    readonly port: number;
    /** Further arguments, such as `--config FILE`. */
    readonly args: readonly string[];
  };
  readonly onState?: (name: string, state: ChildState) => void;
  readonly onLine?: (name: string, line: string) => void;
}

/** Engines, if simulated, and a gateway in front of them, all running. */
export interface LocalStack {
  /** Of the gateway. */
  readonly url: string;
  /** Of the servers behind it, in order; empty where a file lists them. */
  readonly endpoints: readonly string[];
  readonly children: readonly Child[];
  /** Ends everything that was started; resolves when all of it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a stack as child processes and resolves when it serves. Rejects with ChildStartError, leaving nothing
 * running, when a part does not start.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const children: Child[] = [];
  const stop = async (): Promise<void> => {
    // The gateway first, so that it does not report engines that were ended on purpose.
    for (const child of children.toReversed()) await child.stop();
  };
  const start = (name: string, script: string, args: readonly string[]): Child => {
    const { programs, clock, onState, onLine } = options;
    const child = startChild({
      name,
      script,
      args,
      // Others know it by the address that it had.
      restartArgs: ({ urls }) => atPortOf(urls[0], args),
      clock,
      nodeArgs: programs.nodeArgs ?? [],
      ...(onState && {
        onState: (state) => {
          onState(name, state);
        },
      }),
      ...(onLine && {
        onLine: (line) => {
          onLine(name, line);
        },
      }),
    });
    children.push(child);
    return child;
  };
  try {
    const endpoints = await startEngines(options, start);
    const { host, port, args } = options.gateway;
    const file = options.fleet.kind === 'given' ? options.fleet.endpointsFile : undefined;
    const gateway = start('gateway', options.programs.gateway, [
      ...['--host', host, '--port', String(port), '--log-level', 'warn'],
      ...endpoints.flatMap((url) => ['--endpoint', url]),
      ...(file === undefined ? [] : ['--endpoints-file', file]),
      ...args,
    ]);
    const { urls } = await gateway.ready;
    return { url: urls[0] ?? '', endpoints, children, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Each engine is a process of its own, so that one can be killed to see what happens. */
async function startEngines(
  { fleet, programs }: LocalStackOptions,
  start: (name: string, script: string, args: readonly string[]) => Child,
): Promise<readonly string[]> {
  if (fleet.kind === 'given') return fleet.endpoints;
  const engines = Array.from({ length: fleet.engines }, (_, i) =>
    start(`engine-${i + 1}`, programs.inferenceSim, [
      ...['--port', String(fleet.firstPort === 0 ? 0 : fleet.firstPort + i)],
      ...['--model', fleet.model, '--profile', fleet.profile],
      ...['--time-scale', String(fleet.timeScale), '--seed', String(i + 1)],
      ...fleet.args,
    ]),
  );
  try {
    const lines = await Promise.all(engines.map(({ ready }) => ready));
    return lines.flatMap(({ urls }) => urls);
  } catch (error) {
    throw asOurs(error);
  }
}

/** An engine that complains of its port names its own flag; here the flag has another name. */
function asOurs(error: unknown): unknown {
  if (!(error instanceof ChildStartError)) return error;
  return new ChildStartError(error.child, error.reason.replace('--port', '--engine-port'));
}

/** `args` with the port of `url` for the one that the system was to choose. */
function atPortOf(url: string | undefined, args: readonly string[]): readonly string[] {
  const port = args.indexOf('--port') + 1;
  return url === undefined || port === 0 ? args : args.with(port, new URL(url).port);
}
