// SPDX-License-Identifier: Apache-2.0
import { imageEnvironment } from '@llm-d/app-process';
import { createTempDir, freePorts } from '@llm-d/test-kit';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { bundleApp } from './bundle.ts';
import { SUBJECT_CORE, pinned } from './pinning.ts';

const READY_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 10_000;

/** An endpoint picker in a process of its own, on the core of the system under test. */
export interface EppProcess extends AsyncDisposable {
  readonly pid: number;
  /** Where it speaks ext_proc, without TLS. */
  readonly port: number;
}

/** What llm-d-router runs when it is given no configuration, over endpoints from a file. */
const configOver = (endpointsFile: string): string => `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: max-score-picker
- type: single-profile-handler
- type: file-discovery
  parameters: {path: ${endpointsFile}}
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: kv-cache-utilization-scorer, weight: 2}
  - {pluginRef: prefix-cache-scorer, weight: 3}
  - {pluginRef: max-score-picker}
dataLayer:
  discovery: {pluginRef: file-discovery}
`;

/**
 * Starts an endpoint picker over endpoints on `ports` of loopback, with llm-d's default configuration, and resolves
 * when it accepts connections. `BENCH_EPP` names another program to be measured in its place: a command line that
 * takes llm-d-router's flags.
 */
export async function startEpp(
  ports: readonly number[],
  flags: readonly string[] = [],
): Promise<EppProcess> {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const endpoints = ports.map((port, i) => ({
    name: `pod-${i}`,
    address: '127.0.0.1',
    port: String(port),
    labels: {},
  }));
  const endpointsFile = await folder.write('endpoints.json', JSON.stringify({ endpoints }));
  const configFile = await folder.write('config.yaml', configOver(endpointsFile));
  const [grpc = 0, health = 0, metrics = 0] = await freePorts(3);
  const own = [process.execPath, ...(process.env['BENCH_NODE_FLAGS']?.split(' ') ?? [])];
  const command = process.env['BENCH_EPP']?.split(' ') ?? [...own, bundleApp('epp')];
  const [program = '', ...args] = pinned(SUBJECT_CORE, [
    ...command,
    `--config-file=${configFile}`,
    `--grpc-port=${grpc}`,
    `--grpc-health-port=${health}`,
    `--metrics-port=${metrics}`,
    '--secure-serving=false',
    '--tracing=false',
    ...flags,
  ]);
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...imageEnvironment },
  });
  const exited = once(child, 'exit');
  started.defer(() => end(child, exited));
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  while (!(await accepts(grpc))) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      throw new Error('the endpoint picker did not come up');
    }
    await pause(50);
  }
  const all = started.move();
  return {
    // A process that accepts connections has an id; `taskset` replaces itself by what it starts.
    pid: child.pid as number,
    port: grpc,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Asks it to end, which it needs to write a profile; the second signal says that nothing is to be waited for. */
async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  child.kill('SIGTERM');
  const limit = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
  await exited;
  clearTimeout(limit);
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (accepted: boolean) => () => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', settle(true)).once('error', settle(false));
  });
