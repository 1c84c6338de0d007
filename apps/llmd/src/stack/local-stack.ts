// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChildStartError,
  startChild,
  type Child,
  type ChildState,
  type ReadyLine,
} from './child.ts';
import { engineListOf, type ListedEngine } from './engine-list.ts';
import { publishingAgain, publishingArguments } from './kv-publishing.ts';

/** Where the programs are that a stack is made of. */
export interface Programs {
  readonly gateway: string;
  readonly inferenceSim: string;
  readonly kvRelay: string;
  readonly kvIndexer: string;
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

/** What becomes of the engines' KV events. */
export interface EventRoute {
  /** NATS to which kv-relay brings them; undefined: whoever wants them listens to the engines. */
  readonly natsUrl: string | undefined;
  /** Redis to which kv-indexer mirrors what they come to. Needs NATS. */
  readonly redisUrl: string | undefined;
}

export interface LocalStackOptions {
  readonly programs: Programs;
  readonly clock: Clock;
  readonly fleet: SimulatedFleet | GivenFleet;
  /** Undefined: simulated engines publish none, and those of others are left alone. */
  readonly events: EventRoute | undefined;
  readonly gateway: {
    readonly host: string;
    readonly port: number;
    /** Further arguments, such as `--config FILE`, once it is known where the engines are. */
    readonly args: (endpoints: readonly string[]) => readonly string[] | Promise<readonly string[]>;
  };
  readonly onState?: (name: string, state: ChildState) => void;
  readonly onLine?: (name: string, line: string) => void;
}

/** Engines, if simulated, what brings their events on, and a gateway in front of them, all running. */
export interface LocalStack {
  /** Of the gateway. */
  readonly url: string;
  /** Of the servers behind it, in order; empty where a file lists them. */
  readonly endpoints: readonly string[];
  readonly children: readonly Child[];
  /** Those among them that bring events on. */
  readonly eventPrograms: readonly Child[];
  /** Ends everything that was started, the last one first; resolves when all of it is gone. */
  stop(): Promise<void>;
}

type Start = (name: string, script: string, args: readonly string[]) => Child;

/**
 * Starts a stack as child processes and resolves when it serves. Rejects with ChildStartError or EngineListError, leaving
 * nothing running, when a part does not start.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const children: Child[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'llmd-'));
  const stop = async (): Promise<void> => {
    // The gateway first, so that it does not report engines that were ended on purpose.
    for (const child of children.toReversed()) await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const start = starter(options, children);
  try {
    const engines = await startEngines(options, start);
    const file = await listEngines(engines, { options, folder });
    const eventPrograms = await startEventPrograms(options, { start, file, engines });
    const endpoints = engines.map(({ url }) => url);
    const { host, port, args } = options.gateway;
    const gateway = start('gateway', options.programs.gateway, [
      ...['--host', host, '--port', String(port), '--log-level', 'warn'],
      ...(file === undefined
        ? endpoints.flatMap((url) => ['--endpoint', url])
        : ['--endpoints-file', file]),
      ...(await args(endpoints)),
    ]);
    const { urls } = await gateway.ready;
    return { url: urls[0] ?? '', endpoints, children, eventPrograms, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function starter(options: LocalStackOptions, children: Child[]): Start {
  const { programs, clock, onState, onLine } = options;
  return (name, script, args) => {
    if (!existsSync(script))
      throw new ChildStartError(name, `${script} is not built; \`nx bundle\` does that`);
    const child = startChild({
      name,
      script,
      args,
      // Others know it by the addresses that it had.
      restartArgs: (before) => atPortsOf(before, args),
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
}

/** Each engine is a process of its own, so that one can be killed to see what happens. */
async function startEngines(
  { fleet, programs, events }: LocalStackOptions,
  start: Start,
): Promise<readonly ListedEngine[]> {
  if (fleet.kind === 'given') return fleet.endpoints.map((url) => ({ url }));
  const engines = Array.from({ length: fleet.engines }, (_, i) => {
    const name = `engine-${i + 1}`;
    return start(name, programs.inferenceSim, [
      ...['--port', String(fleet.firstPort === 0 ? 0 : fleet.firstPort + i)],
      ...['--model', fleet.model, '--profile', fleet.profile],
      ...['--time-scale', String(fleet.timeScale), '--seed', String(i + 1)],
      ...(events === undefined ? [] : publishingArguments(name, fleet.model)),
      ...fleet.args,
    ]);
  });
  try {
    const lines = await Promise.all(engines.map(({ ready }) => ready));
    return lines.flatMap(({ urls, kvPorts }) => urls.map((url) => ({ url, kvPorts })));
  } catch (error) {
    throw asOurs(error);
  }
}

/** The file that lists the engines, where their addresses alone do not say enough. */
async function listEngines(
  engines: readonly ListedEngine[],
  { options, folder }: { readonly options: LocalStackOptions; readonly folder: string },
): Promise<string | undefined> {
  const { fleet, events } = options;
  if (fleet.kind === 'given' && fleet.endpointsFile !== undefined) return fleet.endpointsFile;
  const isEnough = fleet.kind === 'given' ? events?.natsUrl === undefined : events === undefined;
  if (isEnough) return undefined;
  const file = join(folder, 'engines.json');
  await writeFile(file, engineListOf(engines));
  return file;
}

interface EventParts {
  readonly start: Start;
  readonly file: string | undefined;
  readonly engines: readonly ListedEngine[];
}

/** Resolves when each of them serves: one that comes later than the gateway would leave its first decisions blind. */
async function startEventPrograms(
  { programs, events }: LocalStackOptions,
  { start, file, engines }: EventParts,
): Promise<readonly Child[]> {
  const started: Child[] = [];
  const common = ['--host', '127.0.0.1', '--log-level', 'warn'];
  if (events?.natsUrl === undefined || file === undefined) return started;
  const relay = start('kv-relay', programs.kvRelay, [
    ...common,
    ...['--nats', events.natsUrl, '--endpoints', file],
    ...['--admin-port', '0', '--drain-timeout', '3000'],
  ]);
  started.push(relay);
  await relay.ready;
  if (events.redisUrl === undefined) return started;
  const [first] = engines;
  const indexer = start('kv-indexer', programs.kvIndexer, [
    ...common,
    ...['--nats-url', events.natsUrl, '--redis-url', events.redisUrl],
    ...['--http-port', '0', '--grpc-port', '0', '--drain-timeout', '3s'],
    ...(first === undefined ? [] : ['--render-url', first.url]),
  ]);
  started.push(indexer);
  await indexer.ready;
  return started;
}

/** An engine that complains of its port names its own flag; here the flag has another name. */
function asOurs(error: unknown): unknown {
  if (!(error instanceof ChildStartError)) return error;
  return new ChildStartError(error.child, error.reason.replace('--port', '--engine-port'));
}

/** What a program calls the port at which others know it. */
const PORT_FLAGS = ['--port', '--admin-port', '--http-port'];

/** `args` with the ports that the system has chosen. */
function atPortsOf({ urls, kvPorts }: ReadyLine, args: readonly string[]): readonly string[] {
  const [url] = urls;
  const port = args.findIndex((arg) => PORT_FLAGS.includes(arg)) + 1;
  const again = publishingAgain(args, kvPorts);
  return url === undefined || port === 0 ? again : again.with(port, new URL(url).port);
}
