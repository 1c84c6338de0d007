// SPDX-License-Identifier: Apache-2.0
import { inferenceModelRewrites, inferenceObjectives, renderCrd } from '@llm-d/crd-types';
import { pathOf, type RealPart } from '@llm-d/test-kit';
import {
  findControlPlane,
  findInferenceExtensionCrds,
  readCrds,
  startControlPlane,
  type ControlPlane,
} from '@llm-d/test-kit/kubernetes';
import { randomUUID } from 'node:crypto';
import { collectionOf, documentedPermissions, type Manifest } from './manifests.ts';

const programs = await findControlPlane();
const extension = await findInferenceExtensionCrds();

/** What these tests need of others, or why it is not there. */
export const parts: RealPart = 'missing' in programs ? programs : extension;

/** Our CustomResourceDefinitions. */
export const ourCrds: readonly object[] = [inferenceObjectives, inferenceModelRewrites].map(
  (type) => renderCrd(type),
);

/** The CustomResourceDefinitions of the Gateway API Inference Extension. */
export const extensionCrds = (): Promise<readonly object[]> => readCrds(pathOf(extension));

export const poolGroup = 'inference.networking.k8s.io';
export const ourGroup = 'llm-d.ai';
export const legacyGroup = 'inference.networking.x-k8s.io';

/** A namespace of a real API server, and what tests put there. */
export interface Space {
  readonly name: string;
  readonly plane: ControlPlane;
  /** Puts an object there; a path such as `api/v1/pods` says which collection. Rejects where it is refused. */
  create(path: string, object: object): Promise<void>;
  delete(path: string, name: string): Promise<void>;
  patchPool(spec: object): Promise<void>;
  /** A pool `llama` of the pods with the label `app=vllm`. */
  createPool(...ports: readonly number[]): Promise<void>;
  deletePool(): Promise<void>;
  /** A pod of the pool, as its kubelet would report it: ready, at this address. */
  createPod(name: string, ip: string, more?: PodTraits): Promise<void>;
  setReady(name: string, ready: boolean): Promise<void>;
  changePod(name: string, metadata: object): Promise<void>;
  deletePod(name: string): Promise<void>;
  createObjective(name: string, priority: number, more?: ReferenceTraits): Promise<void>;
  createRewrite(from: string, to: string, more?: ReferenceTraits): Promise<void>;
  /** Creates an account with permissions and returns a kubeconfig with its token. Default those of the README. */
  kubeconfig(permissions?: readonly Manifest[]): Promise<string>;
  /** A token of another account, which may do nothing by itself. */
  token(account: string): Promise<string>;
}

export interface PodTraits {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ready?: boolean;
}

export interface ReferenceTraits {
  /** Group of the object. Default ours. */
  readonly group?: string;
  /** Pool that it refers to. Default `llama`. */
  readonly pool?: string;
}

/** A control plane with the given CustomResourceDefinitions; default the extension's and ours. */
export async function startCluster(crds?: readonly object[]): Promise<ControlPlane> {
  return startControlPlane({ crds: crds ?? [...(await extensionCrds()), ...ourCrds] });
}

const pools = `apis/${poolGroup}/v1/inferencepools`;

/** A new namespace. */
export async function createSpace(plane: ControlPlane): Promise<Space> {
  const name = `space-${randomUUID().slice(0, 8)}`;
  const pathIn = (path: string, object = ''): string => {
    const at = path.lastIndexOf('/');
    return `/${path.slice(0, at)}/namespaces/${name}${path.slice(at)}${object && `/${object}`}`;
  };
  const must = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await plane.ask(method, path, body);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  };
  await must('POST', '/api/v1/namespaces', { metadata: { name } });
  /** Writes what a change makes of an object; again where somebody else was faster. */
  const change = async (
    path: string,
    to: (object: Stored) => object,
    subresource = '',
  ): Promise<void> => {
    for (;;) {
      const object = (await must('GET', path)) as Stored;
      const answer = await plane.ask('PUT', path + subresource, to(object));
      if (answer.status < 300) return;
      if (answer.status !== 409) throw new Error(`PUT ${path}: ${JSON.stringify(answer.body)}`);
    }
  };
  const create = async (path: string, object: object): Promise<void> => {
    await must('POST', pathIn(path), object);
  };
  const setStatus = (pod: string, status: object): Promise<void> =>
    change(
      pathIn('api/v1/pods', pod),
      (object) => ({ ...object, status: { ...object.status, ...status } }),
      '/status',
    );
  const readiness = (ready: boolean) => [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  const reference = (pool: string) => ({ group: poolGroup, kind: 'InferencePool', name: pool });
  const tokenOf = async (account: string): Promise<string> => {
    const path = `${pathIn('api/v1/serviceaccounts', account)}/token`;
    const review = (await must('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {},
    })) as { readonly status: { readonly token: string } };
    return review.status.token;
  };
  return {
    name,
    plane,
    create,
    delete: async (path, object) => {
      await must('DELETE', pathIn(path, object));
    },
    createPool: (...ports) =>
      create(pools, {
        apiVersion: `${poolGroup}/v1`,
        kind: 'InferencePool',
        metadata: { name: 'llama' },
        spec: {
          selector: { matchLabels: { app: 'vllm' } },
          targetPorts: ports.map((number) => ({ number })),
          endpointPickerRef: { name: 'epp', port: { number: 9002 } },
        },
      }),
    patchPool: (spec) =>
      change(pathIn(pools, 'llama'), (object) => ({
        ...object,
        spec: { ...object.spec, ...spec },
      })),
    deletePool: async () => {
      await must('DELETE', pathIn(pools, 'llama'));
    },
    createPod: async (
      pod,
      ip,
      { labels = { app: 'vllm' }, annotations = {}, ready = true } = {},
    ) => {
      await create('api/v1/pods', {
        metadata: { name: pod, labels, annotations },
        spec: { containers: [{ name: 'vllm', image: 'vllm' }] },
      });
      const ips = { podIP: ip, podIPs: [{ ip }] };
      await setStatus(pod, { phase: 'Running', ...ips, conditions: readiness(ready) });
    },
    setReady: (pod, ready) => setStatus(pod, { conditions: readiness(ready) }),
    changePod: (pod, metadata) =>
      change(pathIn('api/v1/pods', pod), (object) => ({
        ...object,
        metadata: { ...object.metadata, ...metadata },
      })),
    deletePod: async (pod) => {
      await must('DELETE', pathIn('api/v1/pods', pod));
    },
    createObjective: (objective, priority, { group = ourGroup, pool = 'llama' } = {}) =>
      create(`apis/${group}/v1alpha2/inferenceobjectives`, {
        apiVersion: `${group}/v1alpha2`,
        kind: 'InferenceObjective',
        metadata: { name: objective },
        spec: { priority, poolRef: reference(pool) },
      }),
    createRewrite: (from, to, { group = ourGroup, pool = 'llama' } = {}) =>
      create(`apis/${group}/v1alpha2/inferencemodelrewrites`, {
        apiVersion: `${group}/v1alpha2`,
        kind: 'InferenceModelRewrite',
        metadata: { name: `${from}-to-${to}` },
        spec: {
          poolRef: reference(pool),
          rules: [
            {
              matches: [{ model: { type: 'Exact', value: from } }],
              targets: [{ modelRewrite: to }],
            },
          ],
        },
      }),
    kubeconfig: async (permissions) => {
      for (const manifest of permissions ?? (await documentedPermissions(name))) {
        const answer = await plane.ask('POST', collectionOf(manifest), manifest);
        // Roles of the whole cluster are there already when another namespace has them.
        if (answer.status >= 300 && answer.status !== 409) {
          throw new Error(`${manifest.kind} was refused: ${JSON.stringify(answer.body)}`);
        }
      }
      return kubeconfigOf(plane, await tokenOf('epp'));
    },
    token: async (account) => {
      await create('api/v1/serviceaccounts', { metadata: { name: account } });
      return tokenOf(account);
    },
  };
}

interface Stored {
  readonly metadata: object;
  readonly spec?: object;
  readonly status?: object;
}

/** JSON is YAML. */
const kubeconfigOf = ({ url, ca }: ControlPlane, token: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
      },
    ],
    users: [{ name: 'epp', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'epp' } }],
    'current-context': 'test',
  });
