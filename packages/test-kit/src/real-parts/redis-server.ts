// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { createTempDir } from '../temp-dir.ts';
import { freePorts } from './envoy.ts';
import { type GuardedProcess, startGuarded } from './kubernetes/guarded-process.ts';
import { obtain, type RealPart } from './real-part.ts';

const NAMES = ['redis-server', 'valkey-server'];
/** The server's packages in Debian and Ubuntu, with the libraries that a machine need not have. */
const PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'];
/** Its libraries are found beside it; `exec` keeps the process number. */
const WRAPPER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/lib" exec "$here/program/redis-server" "$@"
`;

/** A Redis or Valkey server: the one that is installed, or Debian's, unpacked without installing it. */
export async function findRedisServer(): Promise<RealPart> {
  const installed = inPath();
  if (installed !== undefined) return { path: installed };
  const part = await obtain({
    name: 'redis-server-debian',
    timeoutMs: 180_000,
    make: async (work, { run }) => {
      await run('apt-get', ['download', ...PACKAGES]).catch(async () => {
        // The lists of a fresh image are empty.
        await run('apt-get', ['update']);
        await run('apt-get', ['download', ...PACKAGES]);
      });
      await run('sh', ['-c', 'for deb in *.deb; do dpkg -x "$deb" all; done']);
      const made = join(work, 'made');
      await mkdir(join(made, 'program'), { recursive: true });
      await mkdir(join(made, 'lib'));
      // The server is a link to another of its programs.
      await run('cp', ['-L', 'all/usr/bin/redis-server', join(made, 'program')]);
      await run('sh', ['-c', 'find all -name "*.so*" -exec cp -L {} made/lib/ ";"']);
      const wrapper = join(made, 'redis-server');
      await writeFile(wrapper, WRAPPER);
      await chmod(wrapper, 0o755);
      await run(wrapper, ['--version']);
      return made;
    },
  });
  return 'missing' in part ? part : { path: join(part.path, 'redis-server') };
}

function inPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(existsSync);
}

export interface RedisServerOptions {
  /** Where the program is, from {@link findRedisServer}. */
  readonly path: string;
  /** One node of a Redis Cluster that owns every slot: it refuses commands across slots. Default false. */
  readonly cluster?: boolean;
  /** Password of the default user. Default none. */
  readonly password?: string;
  /** Settings of its configuration file, each one flag without dashes and its value. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default 30,000. */
  readonly readyTimeoutMs?: number;
}

/** A running Redis on loopback that writes nothing to disk unless it is told `SAVE`. Disposing of it kills it. */
export interface RunningRedisServer extends AsyncDisposable {
  readonly port: number;
  /** `redis://127.0.0.1:<port>`, with the password if there is one. */
  readonly url: string;
  /** Kills it, as a machine that dies would. It may be started again. */
  stop(): Promise<void>;
  /** Starts it on the same port: with what it last saved, or with nothing. */
  start(data: 'saved' | 'empty'): Promise<void>;
  /** The end of what it has said since it was last started. */
  log(): Promise<string>;
}

/** Starts a Redis and resolves when it answers. Rejects with its log when it does not. */
export async function startRedisServer(options: RedisServerOptions): Promise<RunningRedisServer> {
  await using starting = new AsyncDisposableStack();
  const folder = starting.use(await createTempDir());
  const data = join(folder.path, 'data');
  const [port = 0] = await freePorts(1);
  const state: { process: GuardedProcess | undefined } = { process: undefined };
  const stop = async () => {
    await state.process?.[Symbol.asyncDispose]();
    state.process = undefined;
  };
  starting.defer(stop);
  const start = async (kept: 'saved' | 'empty') => {
    await stop();
    if (kept === 'empty') await rm(data, { recursive: true, force: true });
    await mkdir(data, { recursive: true });
    const running = startGuarded(options.path, flags(options, port, data), {
      logFile: join(folder.path, 'redis.log'),
    });
    state.process = running;
    await becomeReady(running, port, options);
  };
  await start('empty');
  const all = starting.move();
  const { password } = options;
  return {
    port,
    url: `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`,
    stop,
    start,
    log: async () => (await state.process?.log()) ?? '',
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function flags(options: RedisServerOptions, port: number, data: string): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: data,
    save: '',
    appendonly: 'no',
    ...(options.password === undefined ? {} : { requirepass: options.password }),
    ...(options.cluster === true
      ? { 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' }
      : {}),
    ...options.settings,
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

async function becomeReady(
  running: GuardedProcess,
  port: number,
  { cluster, password, readyTimeoutMs = 30_000 }: RedisServerOptions,
): Promise<void> {
  const greeting = password === undefined ? [] : [`AUTH ${password}`];
  const deadlineMs = systemClock.nowMs() + readyTimeoutMs;
  const wanted = cluster === true ? 'cluster_state:ok' : '+PONG';
  const question = cluster === true ? 'CLUSTER INFO' : 'PING';
  while (!running.ended && systemClock.nowMs() < deadlineMs) {
    const answer = await ask(port, [...greeting, question]);
    if (answer.includes(wanted)) return;
    if (cluster === true && answer.includes('cluster_slots_assigned:0')) {
      await ask(port, [...greeting, 'CLUSTER ADDSLOTSRANGE 0 16383']);
    }
    await new Promise<void>((resolve) => systemClock.schedule(20, resolve));
  }
  const log = await running.log();
  await running[Symbol.asyncDispose]();
  throw new Error(`Redis did not come up:\n${log}`);
}

/** What it answers to commands in a line each; empty where nobody listens. */
function ask(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    const end = () => {
      resolve(answer);
    };
    socket.setTimeout(2000, () => socket.destroy());
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('error', () => undefined).on('close', end);
    socket.write(`${[...lines, 'QUIT'].join('\r\n')}\r\n`);
  });
}
