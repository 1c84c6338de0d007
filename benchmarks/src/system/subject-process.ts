// SPDX-License-Identifier: Apache-2.0
import { imageEnvironment } from '@llm-d/app-process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { bundleApp } from './bundle.ts';
import { SUBJECT_CORE, pinned } from './pinning.ts';

/** A program in a process of its own, on the core of the system under test. */
export interface SubjectProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

/** Starts an app that prints a line of JSON with its `url` once it takes requests, and resolves then. */
export async function startSubject(
  app: 'gateway' | 'routing-sidecar',
  flags: readonly string[],
): Promise<SubjectProcess> {
  const [program = '', ...args] = pinned(SUBJECT_CORE, [
    process.execPath,
    ...(process.env['BENCH_NODE_FLAGS']?.split(' ') ?? []),
    bundleApp(app),
    ...flags,
  ]);
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...imageEnvironment },
  });
  const exited = once(child, 'exit');
  const ready = new Promise<number>((done, failed) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      // Node itself may write as well, when it is told to trace.
      if (!line.startsWith('{')) {
        process.stderr.write(`${line}\n`);
        return;
      }
      const { url } = JSON.parse(line) as { url?: string };
      if (url !== undefined) done(Number(new URL(url).port));
    });
    void exited.then(() => {
      failed(new Error(`${app} ended before it was ready`));
    });
  });
  const port = await ready;
  return {
    // A process that has written a line has an id; `taskset` replaces itself by what it starts.
    pid: child.pid as number,
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
