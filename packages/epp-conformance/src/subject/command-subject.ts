// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileEndpointSource } from '../engines/endpoint-source.ts';
import { startEngineFleet } from '../engines/fleet.ts';
import type { Transport } from '../proxy/ext-proc-connection.ts';
import { acceptsConnections } from './accepts-connections.ts';
import { freePorts } from './free-ports.ts';
import { launchProgram, type LaunchedProgram } from './launched-program.ts';
import type { Setup } from './setup.ts';
import {
  SubjectStartError,
  type RunningSubject,
  type SetupUnavailable,
  type Subject,
} from './subject.ts';

export interface CommandSubjectOptions {
  readonly clock: Clock;
  /** Default `auto`. */
  readonly transport?: Transport | 'auto';
  /** How long it may take to accept connections. Default 60,000. */
  readonly startMs?: number;
  /** Ends the waiting for it to come up, by AbortedError. */
  readonly signal?: AbortSignal;
}

/** What a command line is told in each run. */
const PLACEHOLDERS = ['GRPC', 'HEALTH', 'METRICS', 'CONFIG', 'ENDPOINTS'] as const;
type Placeholder = (typeof PLACEHOLDERS)[number];

const HOST = '127.0.0.1';
const LOOK_MS = 50;

/**
 * An endpoint picker that the kit starts, once for each setup. In `command`, a line for the shell, `{GRPC}`, `{HEALTH}` and
 * `{METRICS}` become ports, `{CONFIG}` an EndpointPickerConfig file and `{ENDPOINTS}` the endpoints file that it names.
 * Throws where the command does not say which port to serve on.
 */
export function commandSubject(command: string, options: CommandSubjectOptions): Subject {
  if (!command.includes('{GRPC}')) throw new Error(`the command has no {GRPC}: ${command}`);
  return {
    name: command,
    start: async (setup) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await start(command, setup, options);
        } catch (error) {
          if (!lostItsPort(error) || attempt === ATTEMPTS) throw error;
        }
      }
    },
  };
}

const ATTEMPTS = 3;

/** Somebody took a port between our look and the program's bind. */
const lostItsPort = (error: unknown): boolean =>
  error instanceof SubjectStartError && /address already in use|EADDRINUSE/i.test(error.message);

async function start(
  command: string,
  setup: Setup,
  options: CommandSubjectOptions,
): Promise<RunningSubject | SetupUnavailable> {
  const { clock, transport = 'auto', startMs = 60_000, signal } = options;
  const takes = (placeholder: Placeholder) => command.includes(`{${placeholder}}`);
  if (!takes('CONFIG') && !setup.isDefault) {
    return { kind: 'unavailable', reason: 'the command takes no {CONFIG}' };
  }
  if (!takes('CONFIG') && !takes('ENDPOINTS')) {
    return { kind: 'unavailable', reason: 'the command takes neither {CONFIG} nor {ENDPOINTS}' };
  }
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'epp-conformance-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const endpoints = join(folder, 'endpoints.json');
  const config = join(folder, 'config.yaml');
  await writeFile(config, setup.config(endpoints));
  const source = fileEndpointSource(endpoints);
  const fleet = started.use(await startEngineFleet(setup.layout, { clock, source }));
  const [grpc = 0, health = 0, metrics = 0] = await freePorts(3);
  const values: Readonly<Record<Placeholder, string>> = {
    GRPC: String(grpc),
    HEALTH: String(health),
    METRICS: String(metrics),
    CONFIG: config,
    ENDPOINTS: endpoints,
  };
  const commandLine = PLACEHOLDERS.reduce(
    (line, name) => line.replaceAll(`{${name}}`, values[name]),
    command,
  );
  const program = started.use(launchProgram(commandLine, clock));
  await untilItAccepts(program, { setup, port: grpc, clock, startMs, signal });
  const all = started.move();
  return {
    kind: 'running',
    grpc: { host: HOST, port: grpc },
    transport,
    health: takes('HEALTH') ? { host: HOST, port: health } : undefined,
    metricsUrl: takes('METRICS') ? `http://${HOST}:${metrics}/metrics` : undefined,
    fleet,
    process: program,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function untilItAccepts(
  program: LaunchedProgram,
  options: {
    readonly setup: Setup;
    readonly port: number;
    readonly clock: Clock;
    readonly startMs: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<void> {
  const { setup, port, clock, startMs, signal } = options;
  const untilMs = clock.nowMs() + startMs;
  while (!(await acceptsConnections({ host: HOST, port }))) {
    if (program.ended !== undefined) throw new SubjectStartError(setup.id, program.ended);
    if (clock.nowMs() > untilMs) {
      throw new SubjectStartError(setup.id, `nobody listens on port ${port} after ${startMs} ms`);
    }
    await sleep(clock, LOOK_MS, signal);
  }
}
