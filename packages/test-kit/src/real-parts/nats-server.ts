// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir } from '../temp-dir.ts';
import { freePorts } from './envoy.ts';
import { startGuarded, type GuardedProcess } from './kubernetes/guarded-process.ts';
import { obtain, type RealPart } from './real-part.ts';

const version = '2.15.2';

/** The NATS server, built from its Go module. */
export const findNatsServer = (): Promise<RealPart> =>
  obtain({
    name: `nats-server-${version}`,
    timeoutMs: 600_000,
    make: async (work, { run }) => {
      await run('go', ['install', '-trimpath', `github.com/nats-io/nats-server/v2@v${version}`], {
        env: { GOBIN: work, GOFLAGS: '-mod=mod' },
      });
      return join(work, 'nats-server');
    },
  });

export interface NatsServerOptions {
  /** Where the program is, from {@link findNatsServer}. */
  readonly path: string;
  /** Added to its configuration, such as `authorization`. JSON-able. Default nothing. */
  readonly settings?: object;
  /** Default 30,000. */
  readonly readyTimeoutMs?: number;
}

/**
 * A NATS server with JetStream on loopback. What it stores stays while it is stopped, and so does its port. Disposing of
 * it kills it and removes what it stored.
 */
export interface NatsServer extends AsyncDisposable {
  /** Such as `nats://127.0.0.1:41234`. */
  readonly url: string;
  readonly port: number;
  /** Its process, until it is stopped. */
  pid(): Promise<number>;
  /** Ends it: in good order by default, without a chance to write anything with `SIGKILL`. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again where it was, with what it stored. */
  start(): Promise<void>;
  /** Freezes it: connections stay, and nothing is answered. */
  pause(): Promise<void>;
  /** Goes on after {@link pause}. */
  resume(): Promise<void>;
  /** The end of what it has said since it was started last. */
  log(): Promise<string>;
}

/** Starts a server and resolves when it serves. Rejects with the end of its log otherwise; nothing is left then. */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const [port = 0, monitoring = 0] = await freePorts(2);
  const pidFile = join(folder.path, 'pid');
  const configuration = {
    listen: `127.0.0.1:${port}`,
    http: `127.0.0.1:${monitoring}`,
    pid_file: pidFile,
    jetstream: { store_dir: join(folder.path, 'jetstream') },
    ...options.settings,
  };
  const file = await folder.write('nats.conf', JSON.stringify(configuration));
  const logFile = join(folder.path, 'nats.log');
  let running: GuardedProcess | undefined;
  started.defer(() => running?.[Symbol.asyncDispose]());

  const start = async (): Promise<void> => {
    running = startGuarded(options.path, ['--config', file], { logFile });
    const deadlineMs = systemClock.nowMs() + (options.readyTimeoutMs ?? 30_000);
    while (!(await isReady(monitoring))) {
      if (running.ended || systemClock.nowMs() > deadlineMs) {
        throw new Error(`nats-server did not come up:\n${await running.log()}`);
      }
      await new Promise<void>((resolve) => systemClock.schedule(20, resolve));
    }
  };
  const pid = async (): Promise<number> => Number(await readFile(pidFile, 'utf8'));
  const send = async (signal: NodeJS.Signals): Promise<void> => {
    process.kill(await pid(), signal);
  };
  await start();
  const all = started.move();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid,
    start,
    stop: async (signal = 'SIGTERM') => {
      await send(signal);
      await running?.exited;
      await running?.[Symbol.asyncDispose]();
    },
    pause: () => send('SIGSTOP'),
    resume: () => send('SIGCONT'),
    log: async () => (await running?.log()) ?? '',
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status === 200;
}
