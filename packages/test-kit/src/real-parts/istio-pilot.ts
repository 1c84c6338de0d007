// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { join } from 'node:path';
import { createTempDir } from '../temp-dir.ts';
import { freePorts } from './envoy.ts';
import type { ControlPlane } from './kubernetes/control-plane.ts';
import { startGuarded } from './kubernetes/guarded-process.ts';

/** Istio's control plane at work. Disposing of it kills it. */
export interface IstioPilot extends AsyncDisposable {
  /** Where proxies ask for their configuration, in the clear. */
  readonly xdsPort: number;
  /** The end of what it has said so far. */
  log(): Promise<string>;
}

export interface IstioPilotOptions {
  /** Where the program is, from `findPilotDiscovery`. */
  readonly path: string;
  /** The Kubernetes that it watches, with the CustomResourceDefinitions of Gateway API, its extension and Istio. */
  readonly plane: ControlPlane;
  /** Default 90,000. */
  readonly readyTimeoutMs?: number;
}

const SYSTEM_NAMESPACE = 'istio-system';

const environment = {
  POD_NAMESPACE: SYSTEM_NAMESPACE,
  POD_NAME: 'istiod-0',
  ENABLE_GATEWAY_API_INFERENCE_EXTENSION: 'true',
  // There are no nodes where it could deploy proxies.
  PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER: 'false',
  // Filters of Istio's own build of Envoy, which the published one refuses.
  PILOT_ENABLE_METADATA_EXCHANGE: 'false',
  PILOT_ENABLE_ALPN_FILTER: 'false',
};

/** Certificates of workloads come from an agent beside each proxy, and here is none. */
const MESH_CONFIG = 'enableAutoMtls: false\n';

/**
 * Starts `pilot-discovery` on loopback and resolves when it is ready. Rejects with the end of its log when it does not
 * come up; nothing is left running then.
 */
export async function startIstioPilot(options: IstioPilotOptions): Promise<IstioPilot> {
  const { path, plane, readyTimeoutMs = 90_000 } = options;
  // It keeps its leases there; somebody may have made it already.
  await plane.ask('POST', '/api/v1/namespaces', { metadata: { name: SYSTEM_NAMESPACE } });
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const [http = 0, xds = 0, monitoring = 0, introspection = 0] = await freePorts(4);
  const flags = [
    'discovery',
    `--kubeconfig=${plane.kubeconfigPath}`,
    `--meshConfig=${await folder.write('mesh.yaml', MESH_CONFIG)}`,
    `--httpAddr=127.0.0.1:${http}`,
    `--grpcAddr=127.0.0.1:${xds}`,
    `--monitoringAddr=127.0.0.1:${monitoring}`,
    `--ctrlz_port=${introspection}`,
    '--httpsAddr=',
    '--secureGRPCAddr=',
    '--shutdownDuration=0s',
  ];
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  // `env` becomes the program, so that killing the one kills the other.
  const pilot = started.use(
    startGuarded('env', [...settings, path, ...flags], { logFile: join(folder.path, 'pilot.log') }),
  );
  const deadlineMs = systemClock.nowMs() + readyTimeoutMs;
  while (!(await isReady(http))) {
    if (pilot.ended || systemClock.nowMs() > deadlineMs) {
      throw new Error(`pilot-discovery did not come up:\n${await pilot.log()}`);
    }
    await new Promise<void>((resolve) => systemClock.schedule(50, resolve));
  }
  const all = started.move();
  return {
    xdsPort: xds,
    log: () => pilot.log(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status === 200;
}
