// SPDX-License-Identifier: Apache-2.0
import {
  createTempDir,
  freePorts,
  startEnvoy,
  startProgram,
  type RunningEnvoy,
  type RunningProgram,
} from '@llm-d/test-kit';
import { startControlPlane, startIstioPilot, type IstioPilot } from '@llm-d/test-kit/kubernetes';
import { expect, vi } from 'vitest';
import { createSpace, ourCrds, type Space } from '../kubernetes/cluster.ts';
import { SOON_MS } from '../kubernetes/epp.ts';
import { startEngine, untilReady } from '../stack.ts';
import { adsBootstrap } from './ads-bootstrap.ts';
import { conditionsOf, type WrittenConditions } from './conditions.ts';
import { envoyPath, foreignCrds, machineAddress, pilotPath } from './istio-parts.ts';
import {
  createEppService,
  createGateway,
  createRoute,
  createSlice,
  EPP_SERVICE_PORT,
  GATEWAY,
  setEppReady,
} from './routing-objects.ts';

/** Clients → an Envoy that Istio programs → endpoint picker and simulated engines. Disposing of it kills all. */
export interface IstioStack extends AsyncDisposable {
  /** Where clients go. */
  readonly url: string;
  /** Admin address of the endpoint picker. */
  readonly eppUrl: string;
  /** The endpoint picker's cluster in Envoy, which is its `:authority` as well. */
  readonly eppCluster: string;
  /** `host:port` of each engine; they are the pods `engine-0`, `engine-1`. */
  readonly hosts: readonly string[];
  readonly space: Space;
  readonly pilot: IstioPilot;
  readonly envoy: RunningEnvoy;
  /** The endpoint picker that runs now. */
  readonly epp: RunningProgram;
  /** Starts another endpoint picker on the same ports. The last one must be gone. */
  restartEpp(): Promise<void>;
  /** Rewrites the endpoint picker's configuration and resolves when it is in force. */
  setConfig(config: string): Promise<void>;
  /** What Kubernetes does when the endpoint picker's pod becomes ready, or ceases to be. */
  setEppReady(ready: boolean): Promise<void>;
  /** Changes the pool; Envoy hears of it a little later. */
  setFailureMode(mode: FailureMode): Promise<void>;
  /** `type=status` of each condition that Istio has written for the Gateway, the route and the pool. */
  conditions(): Promise<WrittenConditions>;
}

const ENGINES = 2;

/** Resolves with what `look` gives once it does not throw; also outside of a test. */
export const until = <T>(look: () => Promise<T>): Promise<T> =>
  vi.waitFor(look, { timeout: SOON_MS, interval: 50 });

/** Starts everything and resolves when Envoy has its first configuration. The pool fails open. */
export async function startIstioStack(config: string): Promise<IstioStack> {
  await using started = new AsyncDisposableStack();
  const plane = started.use(
    await startControlPlane({ crds: [...(await foreignCrds()), ...ourCrds] }),
  );
  const pilot = started.use(await startIstioPilot({ path: pilotPath(), plane }));
  const address = machineAddress();
  const engines = await Promise.all(
    Array.from({ length: ENGINES }, async (_, i) =>
      started.use(await startEngine(['--host', address, '--seed', String(i)])),
    ),
  );
  const hosts = engines.map(({ url }) => new URL(url).host);
  const [gatewayPort = 0, eppPort = 0, health = 0, admin = 0] = await freePorts(4);

  const space = await createSpace(plane);
  const placement = { address, gatewayPort, eppPort };
  await createGateway(space, placement);
  await createEppService(space, placement);
  await createPool(space, hosts);
  await createRoute(space);
  await publishPool(space, hosts);

  const folder = started.use(await createTempDir());
  const args = [
    '--pool-name=llama',
    `--config-file=${await folder.write('epp.yaml', config)}`,
    `--bind-address=${address}`,
    `--grpc-port=${eppPort}`,
    `--grpc-health-port=${health}`,
    `--metrics-port=${admin}`,
    '--metrics-endpoint-auth=false',
    '--drain-timeout=1s',
    '--allow-experimental-plugins',
  ];
  const kubeconfig = await folder.write('kubeconfig', await space.kubeconfig());
  const env = { KUBECONFIG: kubeconfig, NAMESPACE: space.name, POD_NAME: 'epp-7d9f8b6c5-x2x4q' };
  const eppUrl = `http://${address}:${admin}`;
  let epp: RunningProgram | undefined;
  started.defer(() => epp?.kill());
  const startEpp = async (): Promise<RunningProgram> => {
    const begun = await startProgram({ app: 'epp', args, env });
    epp = begun;
    await untilReady(eppUrl);
    return begun;
  };
  let running = await startEpp();
  const envoy = started.use(
    await startEnvoy({
      path: envoyPath(),
      config: () =>
        adsBootstrap({
          xdsPort: pilot.xdsPort,
          namespace: space.name,
          gateway: GATEWAY,
          pod: 'gw-0',
          address,
        }),
    }),
  );
  const all = started.move();
  return {
    url: `http://127.0.0.1:${gatewayPort}`,
    eppUrl,
    eppCluster: `outbound|${EPP_SERVICE_PORT}||epp.${space.name}.svc.cluster.local`,
    hosts,
    space,
    pilot,
    envoy,
    get epp() {
      return running;
    },
    restartEpp: async () => {
      running = await startEpp();
    },
    setConfig: async (wanted) => {
      const before = await generationOf(eppUrl);
      await folder.write('epp.yaml', wanted);
      await until(async () => {
        expect(await generationOf(eppUrl)).toBe(before + 1);
      });
    },
    setEppReady: (ready) => setEppReady(space, placement, ready),
    setFailureMode: (mode) => setFailureMode(space, mode),
    conditions: () => conditionsOf(space),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** A pool that fails open, of pods that share their node's network: each serves at one of the pool's ports. */
async function createPool(space: Space, hosts: readonly string[]): Promise<void> {
  const targets = hosts.map((host) => new URL(`http://${host}`));
  await space.createPool(...targets.map(({ port }) => Number(port)));
  await setFailureMode(space, 'FailOpen');
  for (const [i, { hostname, port }] of targets.entries()) {
    await space.createPod(`engine-${i}`, hostname, {
      labels: { app: 'vllm' },
      annotations: { 'llm-d.ai/active-ports': port },
    });
  }
}

/** What becomes of requests while the endpoint picker cannot be reached. */
export type FailureMode = 'FailOpen' | 'FailClose';

const setFailureMode = (space: Space, failureMode: FailureMode): Promise<void> =>
  space.patchPool({
    endpointPickerRef: { name: 'epp', port: { number: EPP_SERVICE_PORT }, failureMode },
  });

/** Istio makes a Service of a pool; the endpoints of that come from the controllers of Kubernetes elsewhere. */
async function publishPool(space: Space, hosts: readonly string[]): Promise<void> {
  const services = `/api/v1/namespaces/${space.name}/services?labelSelector=istio.io/inferencepool-name`;
  const namesOf = async (): Promise<readonly string[]> => {
    const { body } = await space.plane.ask('GET', services);
    return (body as { items: { metadata: { name: string } }[] }).items.map(
      ({ metadata }) => metadata.name,
    );
  };
  const service = await until(async () => {
    const [name] = await namesOf();
    return name ?? expect.fail('Istio has made no Service of the pool');
  });
  const targets = hosts.map((host) => new URL(`http://${host}`));
  const ports = targets.map(({ port }, i): [string, number] => [`http-${i}`, Number(port)]);
  await createSlice(space, service, {
    address: targets[0]?.hostname ?? '',
    ports: Object.fromEntries(ports),
  });
}

async function generationOf(eppUrl: string): Promise<number> {
  const config = (await (await fetch(`${eppUrl}/debug/config`)).json()) as { generation: number };
  return config.generation;
}
