// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createTempDir } from '../../temp-dir.ts';
import { freePorts } from '../envoy.ts';
import { pathOf, type RealPart } from '../real-part.ts';
import { createApiAccess, type ApiAnswer } from './api-access.ts';
import { createCertificateAuthority, type Identity } from './certificates.ts';
import { apiserverFlags, controllerManagerFlags, etcdFlags } from './flags.ts';
import { startGuarded, type GuardedProcess } from './guarded-process.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { findEtcd, findKubeApiserver, findKubeControllerManager } from './programs.ts';

export interface ControlPlaneOptions {
  /** CustomResourceDefinitions to install and wait for. Default none. */
  readonly crds?: readonly object[];
  /** Whether the controllers of Kubernetes run: garbage collection, deployments, service accounts. Default false. */
  readonly controllerManager?: boolean;
  /** Further flags of the API server. */
  readonly apiserverFlags?: readonly string[];
  /** Longest that each program may take until it is ready. Default 90,000. */
  readonly readyTimeoutMs?: number;
}

/** A running Kubernetes without nodes, on loopback. Disposing of it kills it and removes its data. */
export interface ControlPlane extends AsyncDisposable {
  /** Where the API server listens, with `https`. */
  readonly url: string;
  /** Certificate of the authority that signed the server's, PEM. */
  readonly ca: string;
  /** Key and certificate of a member of `system:masters`. */
  readonly admin: Identity;
  /** A bearer token of a member of `system:masters`. */
  readonly token: string;
  /** A kubeconfig for {@link admin}: its path and its text. */
  readonly kubeconfigPath: string;
  readonly kubeconfig: string;
  /** A kubeconfig for somebody who may do nothing until RBAC says so. */
  kubeconfigFor(user: string, groups?: readonly string[]): Promise<string>;
  /** Asks the API server as {@link admin}. */
  ask(method: string, path: string, body?: object): Promise<ApiAnswer>;
  /** Installs CustomResourceDefinitions and resolves when all are served. */
  install(crds: readonly object[]): Promise<void>;
  /** Kills the API server and leaves its data; resolves when nobody listens on its port any more. */
  stopApiServer(): Promise<void>;
  /** Starts it again where it was, and resolves when it is ready. */
  startApiServer(): Promise<void>;
}

/** Whether the programs of a control plane are there: the first one that is missing, or the API server. */
export async function findControlPlane(
  options: Pick<ControlPlaneOptions, 'controllerManager'> = {},
): Promise<RealPart> {
  const { etcd, apiserver, controllers } = await findPrograms(options);
  return [etcd, controllers].find((part) => part !== undefined && 'missing' in part) ?? apiserver;
}

/**
 * Starts a control plane and resolves when it is ready. Several may run at once. Rejects with the log of the program
 * that did not come up; nothing is left running then.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options);
    } catch (error) {
      // Somebody took a port between our look and the program's bind.
      const collided = error instanceof Error && error.message.includes('address already in use');
      if (!collided || attempt === 3) throw error;
    }
  }
}

async function start(options: ControlPlaneOptions): Promise<ControlPlane> {
  const programs = await findPrograms(options);
  await using started = new AsyncDisposableStack();
  const folder = started.use(await createTempDir());
  const [etcdPort = 0, peerPort = 0, apiPort = 0, controllersPort = 0] = await freePorts(4);
  const authority = await createCertificateAuthority();
  const admin = await authority.issueClient('admin', ['system:masters']);
  const token = randomBytes(24).toString('hex');
  const url = `https://127.0.0.1:${apiPort}`;
  const kubeconfigOf = (identity: Identity) =>
    renderKubeconfig({ url, ca: authority.cert, identity });
  const serviceAccounts = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const server = await authority.issueServer({
    dns: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ip: ['127.0.0.1', '10.96.0.1'],
  });
  const files = {
    ca: await folder.write('ca.crt', authority.cert),
    caKey: await folder.write('ca.key', authority.key),
    serverCert: await folder.write('server.crt', server.cert),
    serverKey: await folder.write('server.key', server.key),
    serviceAccountKey: await folder.write('sa.key', serviceAccounts.privateKey),
    serviceAccountPublicKey: await folder.write('sa.pub', serviceAccounts.publicKey),
    tokens: await folder.write('tokens.csv', `${token},token-admin,token-admin,system:masters\n`),
  };
  const kubeconfigPath = await folder.write('kubeconfig', kubeconfigOf(admin));
  let owner: AsyncDisposableStack = started;
  const run = (name: string, part: RealPart, flags: readonly string[]): GuardedProcess =>
    owner.use(startGuarded(pathOf(part), flags, { logFile: join(folder.path, `${name}.log`) }));
  const timeoutMs = options.readyTimeoutMs ?? 90_000;
  const api = started.use(createApiAccess({ url, ca: authority.cert, identity: admin }));

  const etcd = run(
    'etcd',
    programs.etcd,
    etcdFlags({ port: etcdPort, peerPort, folder: join(folder.path, 'etcd') }),
  );
  // It waits for etcd by itself.
  const startApiServer = async (): Promise<GuardedProcess> => {
    const server = run('kube-apiserver', programs.apiserver, [
      ...apiserverFlags({
        port: apiPort,
        etcdPort,
        files,
        controllerManager: options.controllerManager ?? false,
      }),
      ...(options.apiserverFlags ?? []),
    ]);
    await ready([etcd, server], timeoutMs, async () => {
      if ((await api.ask('GET', '/readyz')).status !== 200) return false;
      return (await api.ask('GET', '/api/v1/namespaces/default')).status === 200;
    });
    return server;
  };
  let apiserver = await startApiServer();
  if (programs.controllers !== undefined) {
    const identity = await authority.issueClient('system:kube-controller-manager');
    const kubeconfig = await folder.write('controllers.kubeconfig', kubeconfigOf(identity));
    const flags = controllerManagerFlags({ port: controllersPort, kubeconfig, files });
    const controllers = run('kube-controller-manager', programs.controllers, flags);
    // It makes this account once its controllers run.
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    await ready([apiserver, controllers], timeoutMs, async () => {
      return (await api.ask('GET', account)).status === 200;
    });
  }
  await api.install(options.crds ?? []);
  const all = started.move();
  owner = all;
  return {
    url,
    ca: authority.cert,
    admin,
    token,
    kubeconfigPath,
    kubeconfig: kubeconfigOf(admin),
    kubeconfigFor: async (user, groups) => kubeconfigOf(await authority.issueClient(user, groups)),
    ask: api.ask,
    install: api.install,
    stopApiServer: async () => {
      await apiserver[Symbol.asyncDispose]();
    },
    startApiServer: async () => {
      apiserver = await startApiServer();
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

interface Programs {
  readonly etcd: RealPart;
  readonly apiserver: RealPart;
  readonly controllers?: RealPart;
}

async function findPrograms({
  controllerManager = false,
}: Pick<ControlPlaneOptions, 'controllerManager'>): Promise<Programs> {
  // One after the other: two builds at once need twice the memory.
  const etcd = await findEtcd();
  const apiserver = await findKubeApiserver();
  if (!controllerManager) return { etcd, apiserver };
  return { etcd, apiserver, controllers: await findKubeControllerManager() };
}

/** Resolves when `isReady` says so; rejects with a log when a program ends or the time is up. */
async function ready(
  programs: readonly GuardedProcess[],
  timeoutMs: number,
  isReady: () => Promise<boolean>,
): Promise<void> {
  const deadlineMs = systemClock.nowMs() + timeoutMs;
  for (;;) {
    if (await isReady().catch(() => false)) return;
    const ended = programs.find((program) => program.ended);
    if (ended !== undefined || systemClock.nowMs() > deadlineMs) {
      const logs = await Promise.all((ended ? [ended] : programs).map((program) => program.log()));
      throw new Error(`the control plane did not come up:\n${logs.join('\n')}`);
    }
    await new Promise<void>((resolve) => systemClock.schedule(50, resolve));
  }
}
