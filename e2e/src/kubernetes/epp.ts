// SPDX-License-Identifier: Apache-2.0
import { createTempDir, readExposition, startProgram, type RunningProgram } from '@llm-d/test-kit';
import { expect } from 'vitest';
import type { Space } from './cluster.ts';
import { connectProxy, type ExtProcProxy } from './ext-proc-proxy.ts';

export interface EppOptions {
  /** Who it is to the API server. Default an account with the permissions that the README grants. */
  readonly kubeconfig?: string;
  /** Instead of the pool `llama`. */
  readonly source?: readonly string[];
  readonly args?: readonly string[];
  /** Name of its pod. */
  readonly podName?: string;
}

/** An endpoint picker as a process of its own, and a proxy in front of it. Disposing of it kills it. */
export interface Epp extends AsyncDisposable {
  readonly program: RunningProgram;
  /** Where people ask. */
  readonly url: string;
  /** Address of its health port. */
  readonly healthAddress: string;
  readonly proxy: ExtProcProxy;
  /** Health of a service on the health port. */
  readonly health: (service: string) => Promise<string>;
  /** 200, or the status and the reason why it is not ready. */
  readonly ready: () => Promise<string>;
  /** Ids and addresses of its endpoints, sorted. */
  readonly endpoints: () => Promise<readonly string[]>;
  /** Status and reason of each condition. */
  readonly conditions: () => Promise<Readonly<Record<string, string>>>;
  /** The decision about a request, with what it looked like. */
  readonly decision: (requestId: string) => Promise<unknown>;
  /** Sum of the series of a metric with these labels. */
  readonly sum: (metric: string, labels?: Readonly<Record<string, string>>) => Promise<number>;
}

/** Longest that anything may take until it has happened; a missing CRD is looked for every 15 to 18 seconds. */
export const SOON_MS = 60_000;

/** Waits until `look` sees what is expected. */
export const eventually = (look: () => Promise<unknown>): ReturnType<typeof expect.poll> =>
  expect.poll(look, { timeout: SOON_MS, interval: 50 });

/** Starts an endpoint picker for the pool of a namespace. Resolves when it listens, whether it is ready or not. */
export async function startEpp(space: Space, options: EppOptions = {}): Promise<Epp> {
  const { source = ['--pool-name=llama'], args = [], podName = 'epp-7d9f8b6c5-x2x4q' } = options;
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const kubeconfig = await folder.write(
    'kubeconfig',
    options.kubeconfig ?? (await space.kubeconfig()),
  );
  const program = started.use(
    await startProgram({
      app: 'epp',
      args: [
        ...source,
        ...[
          '--grpc-port=0',
          '--grpc-health-port=0',
          '--metrics-port=0',
          '--bind-address=127.0.0.1',
        ],
        ...['--secure-serving=false', '--metrics-endpoint-auth=false', '--drain-timeout=1s'],
        ...args,
      ],
      env: { KUBECONFIG: kubeconfig, NAMESPACE: space.name, POD_NAME: podName },
    }),
  );
  const line = program.stdout.split('\n').find((text) => text.includes('"msg":"ready"')) ?? '{}';
  // What the program's README promises.
  const ready = JSON.parse(line) as { readonly extProc: string; readonly health: string };
  const proxy = started.use(connectProxy(ready.extProc));
  const { url } = program;
  const get = async (path: string): Promise<unknown> => (await fetch(`${url}${path}`)).json();
  const all = started.move();
  return {
    program,
    url,
    healthAddress: ready.health,
    proxy,
    health: (service) => proxy.health(ready.health, service),
    ready: async () => {
      const response = await fetch(`${url}/readyz`);
      const { reason = '' } = (await response.json()) as { readonly reason?: string };
      return `${response.status} ${reason}`.trim();
    },
    endpoints: async () => {
      const { endpoints } = (await get('/debug/endpoints')) as {
        readonly endpoints: readonly { readonly endpoint: string; readonly address: string }[];
      };
      return endpoints
        .map(({ endpoint, address }) => `${endpoint.replace(`${space.name}/`, '')} ${address}`)
        .sort();
    },
    conditions: async () => {
      const { conditions } = (await get('/debug/conditions')) as {
        readonly conditions: readonly {
          readonly name: string;
          readonly status: string;
          readonly reason: string;
        }[];
      };
      return Object.fromEntries(
        conditions.map(({ name, status, reason }) => [name, `${status} ${reason}`]),
      );
    },
    decision: (requestId) => get(`/debug/decisions/${requestId}`),
    sum: async (metric, labels) => (await readExposition(url)).sum(metric, labels),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
