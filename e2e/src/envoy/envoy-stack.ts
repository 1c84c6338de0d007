// SPDX-License-Identifier: Apache-2.0
import {
  createTempDir,
  findEnvoy,
  freePorts,
  pathOf,
  startEnvoy,
  startProgram,
  type RunningEnvoy,
  type RunningProgram,
  type TempDir,
} from '@llm-d/test-kit';
import { join } from 'node:path';
import { startEngine, untilReady } from '../stack.ts';
import { bootstrap, type BootstrapOptions } from './bootstrap.ts';

/** The Envoy of these tests, or why there is none. */
export const envoy = await findEnvoy();

export interface EnvoyStackOptions {
  /** Simulated engines. Default 2. */
  readonly engines?: number;
  /** Further flags of each. */
  readonly engineArgs?: readonly string[];
  /** Plugins and profiles as YAML, without discovery; default llm-d's. */
  readonly config?: string;
  /** Further flags of the endpoint picker. */
  readonly eppArgs?: readonly string[];
  /** Worker threads of Envoy. Default 1. */
  readonly envoyConcurrency?: number;
  /** Default: TLS, fail-close, destination by header. Told the addresses of the engines. */
  readonly envoy?: (
    engines: readonly string[],
  ) => Omit<BootstrapOptions, 'listenerPort' | 'eppPort'>;
}

/** Clients → Envoy → endpoint picker and simulated engines, each a process of its own. Disposing of it kills all. */
export interface EnvoyStack extends AsyncDisposable {
  /** Where clients go. */
  readonly url: string;
  /** Admin address of the endpoint picker. */
  readonly eppUrl: string;
  readonly engines: readonly RunningProgram[];
  /** `host:port` of each engine. */
  readonly hosts: readonly string[];
  readonly envoy: RunningEnvoy;
  /** The endpoint picker that runs now. */
  readonly epp: RunningProgram;
  /** Starts another endpoint picker on the same ports. The last one must be gone. */
  restartEpp(): Promise<RunningProgram>;
  /** Tells the endpoint picker of other engines. */
  setEngines(hosts: readonly string[]): Promise<void>;
  /** Rewrites the endpoint picker's configuration: plugins and profiles as YAML, without discovery. */
  setConfig(config: string): Promise<void>;
}

const DEFAULT_CONFIG = `
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 2}
  - {pluginRef: kv-cache-utilization-scorer, weight: 2}
  - {pluginRef: prefix-cache-scorer, weight: 3}
  - {pluginRef: max-score-picker}
`;

const withDiscovery = (config: string, path: string): string =>
  `apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n${config.trim()}\ndataLayer: {discovery: {pluginRef: file-discovery}}\n`.replace(
    /^plugins:\n/m,
    `plugins:\n- {type: file-discovery, parameters: {path: ${path}, watchFile: true}}\n`,
  );

const endpointsFile = (hosts: readonly string[]): string =>
  JSON.stringify({
    endpoints: hosts.map((host, i) => {
      const [address = '', port = ''] = host.split(':');
      return { name: `engine-${i}`, address, port, labels: {} };
    }),
  });

/** Starts everything and resolves when the endpoint picker knows its engines. */
export async function startEnvoyStack(options: EnvoyStackOptions = {}): Promise<EnvoyStack> {
  await using started = new AsyncDisposableStack();
  const engines = await Promise.all(
    Array.from({ length: options.engines ?? 2 }, async (_, i) =>
      started.use(await startEngine(['--seed', String(i), ...(options.engineArgs ?? [])])),
    ),
  );
  const hosts = engines.map(({ url }) => new URL(url).host);
  const folder = started.use(await createTempDir());
  const config = await writeConfig(folder, options.config ?? DEFAULT_CONFIG, hosts);
  const [grpc = 0, health = 0, admin = 0] = await freePorts(3);
  const args = [
    `--config-file=${config}`,
    `--grpc-port=${grpc}`,
    `--grpc-health-port=${health}`,
    `--metrics-port=${admin}`,
    '--health-checking',
    '--drain-timeout=1s',
    '--v=1',
    ...(options.eppArgs ?? []),
  ];
  const startEpp = async (): Promise<RunningProgram> => {
    const begun = await startProgram({ app: 'epp', args });
    epp = begun;
    await untilReady(`http://127.0.0.1:${admin}`);
    return begun;
  };
  let epp: RunningProgram | undefined;
  started.defer(() => epp?.kill());
  let running = await startEpp();
  const proxy = started.use(
    await startEnvoy({
      path: pathOf(envoy),
      config: ([listenerPort = 0]) =>
        bootstrap({ listenerPort, eppPort: grpc, ...options.envoy?.(hosts) }),
      ...(options.envoyConcurrency !== undefined && { concurrency: options.envoyConcurrency }),
    }),
  );
  const all = started.move();
  return {
    url: `http://127.0.0.1:${proxy.ports[0]}`,
    eppUrl: `http://127.0.0.1:${admin}`,
    engines,
    hosts,
    envoy: proxy,
    get epp() {
      return running;
    },
    restartEpp: async () => (running = await startEpp()),
    setEngines: async (wanted) => {
      await folder.write('endpoints.json', endpointsFile(wanted));
    },
    setConfig: async (wanted) => {
      await folder.write('epp.yaml', withDiscovery(wanted, join(folder.path, 'endpoints.json')));
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function writeConfig(
  folder: TempDir,
  config: string,
  hosts: readonly string[],
): Promise<string> {
  const path = await folder.write('endpoints.json', endpointsFile(hosts));
  return folder.write('epp.yaml', withDiscovery(config, path));
}
