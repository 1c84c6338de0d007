// SPDX-License-Identifier: Apache-2.0
import type { ClusterLocation } from '@llm-d/kube-runtime';
import { FlagError, type ParsedFlags } from '@llm-d/app-process/flags';
import { parseLabelSelector } from '@llm-d/endpoint-picker';
import { join } from 'node:path';
import type { eppFlags } from '../flags/epp-flags.ts';

/** Variables of the environment that say something about the cluster. */
export interface Environment {
  /** Namespace of our pod. */
  readonly NAMESPACE?: string | undefined;
  /** Name of our pod. */
  readonly POD_NAME?: string | undefined;
  readonly KUBECONFIG?: string | undefined;
  readonly KUBERNETES_SERVICE_HOST?: string | undefined;
  readonly KUBERNETES_SERVICE_PORT?: string | undefined;
  readonly HOME?: string | undefined;
}

/** Who is in the pool. */
export type PoolSource =
  | {
      readonly kind: 'pool';
      /** API group of the InferencePool. */
      readonly group: string;
    }
  /** Pods by their labels: neither a pool nor any other custom resource is asked for. */
  | {
      readonly kind: 'selector';
      readonly matchLabels: Readonly<Record<string, string>>;
      readonly targetPorts: readonly number[];
    };

/** What an endpoint picker that finds its endpoints through Kubernetes is told. */
export interface KubernetesOptions {
  readonly cluster: ClusterLocation;
  /** Of the pool, its pods and everything that refers to it. */
  readonly namespace: string;
  /** Name of the InferencePool, or what stands for it in metrics and in the name of the lease. */
  readonly poolName: string;
  readonly source: PoolSource;
  /** Whether only one of several replicas is ready. */
  readonly electsLeader: boolean;
  /** Name of our pod, where it is known. */
  readonly podName: string | undefined;
}

/** llm-d's limit, and InferencePool's. */
const MOST_PORTS = 8;
/** llm-d's name for a pool that has none. */
const NAMELESS = 'epp';

type Flags = ParsedFlags<typeof eppFlags>;

/** What a command line says about Kubernetes; undefined where it wants nothing of it. Throws {@link FlagError}. */
export function kubernetesOptions(
  { values, given }: Flags,
  environment: Environment,
): KubernetesOptions | undefined {
  const source = sourceOf(values);
  if (source === undefined) {
    refuseWithoutKubernetes(values, given);
    return undefined;
  }
  const podName = named(environment.POD_NAME);
  const electsLeader = values['ha-enable-leader-election'];
  const poolName = source.kind === 'pool' ? values['pool-name'] : (workloadOf(podName) ?? NAMELESS);
  if (electsLeader && poolName === NAMELESS && source.kind === 'selector') {
    throw new FlagError(
      '--ha-enable-leader-election with --endpoint-selector needs the variable POD_NAME, which names the lease',
    );
  }
  return {
    cluster: clusterOf(values.kubeconfig, environment),
    namespace: named(values['pool-namespace']) ?? named(environment.NAMESPACE) ?? 'default',
    poolName,
    source,
    electsLeader,
    podName,
  };
}

const named = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

function sourceOf(values: Flags['values']): PoolSource | undefined {
  const selector = values['endpoint-selector'];
  const targetPorts = values['endpoint-target-ports'];
  if (selector === '') {
    if (targetPorts.length > 0) {
      throw new FlagError('--endpoint-target-ports needs --endpoint-selector');
    }
    const isPool = values['pool-name'] !== '';
    return isPool ? { kind: 'pool', group: values['pool-group'] } : undefined;
  }
  if (values['pool-name'] !== '') {
    throw new FlagError('--pool-name and --endpoint-selector exclude each other');
  }
  if (targetPorts.length === 0 || targetPorts.length > MOST_PORTS) {
    throw new FlagError(
      `--endpoint-selector needs --endpoint-target-ports with one to ${MOST_PORTS} ports`,
    );
  }
  const matchLabels = parseLabelSelector(selector);
  if (matchLabels === undefined) {
    throw new FlagError(
      `invalid argument "${selector}" for --endpoint-selector: expected labels such as app=vllm,role=decode`,
    );
  }
  return { kind: 'selector', matchLabels, targetPorts };
}

/** Flags that make no sense while nobody is asked. */
function refuseWithoutKubernetes(values: Flags['values'], given: Flags['given']): void {
  for (const flag of ['ha-enable-leader-election', 'metrics-endpoint-auth'] as const) {
    if (given.has(flag) && values[flag]) {
      throw new FlagError(
        `--${flag} needs Kubernetes: give --pool-name or --endpoint-selector too`,
      );
    }
  }
}

/** As kubectl and controllers look for it. */
function clusterOf(path: string, environment: Environment): ClusterLocation {
  const [first] = (environment.KUBECONFIG ?? '').split(':');
  const kubeconfig = named(path) ?? named(first);
  if (kubeconfig !== undefined) return { kind: 'kubeconfig', path: kubeconfig };
  const host = named(environment.KUBERNETES_SERVICE_HOST);
  const port = named(environment.KUBERNETES_SERVICE_PORT);
  if (host !== undefined && port !== undefined) return { kind: 'in-cluster', host, port };
  return { kind: 'kubeconfig', path: join(environment.HOME ?? '/root', '.kube', 'config') };
}

/** The Deployment that a pod of it is named after. */
const workloadOf = (podName: string | undefined): string | undefined =>
  /^(.+)-[a-z0-9]+-[a-z0-9]+$/.exec(podName ?? '')?.[1];
