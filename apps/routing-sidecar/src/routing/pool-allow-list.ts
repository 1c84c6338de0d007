// SPDX-License-Identifier: Apache-2.0
import { inferencePools, type InferencePool } from '@llm-d/crd-types';
import type { Clock, Random } from '@llm-d/determinism';
import { pods, startInformer, type Informer, type KubeClient, type Pod } from '@llm-d/kube-runtime';
import type { Telemetry } from '@llm-d/telemetry';
import type { AllowList } from './allow-list.ts';
import { hostPortOf } from './target.ts';

/** Which InferencePool the prefillers are in. */
export interface PoolName {
  readonly group: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PoolAllowListParts {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

/**
 * Lets the pods of an InferencePool in, by address or by name, at the pool's ports. What was known is kept while the API
 * server does not answer; nobody is let in before it has.
 */
export function startPoolAllowList(pool: PoolName, parts: PoolAllowListParts): AllowList {
  const { namespace, name } = pool;
  const { telemetry } = parts;
  let allowed: ReadonlySet<string> = new Set();
  let members: { readonly selector: string; readonly informer: Informer<Pod> } | undefined;
  let isComplete = false;
  const ending = new Set<Promise<void>>();
  const stop = (informer: Informer<Pod>): void => {
    const stopping = informer.stop();
    ending.add(stopping);
    void stopping.finally(() => ending.delete(stopping));
  };
  const pools = startInformer<InferencePool>({
    ...parts,
    type: { ...inferencePools, group: pool.group },
    namespace,
    fieldSelector: `metadata.name=${name}`,
  });
  const current = (): InferencePool | undefined => pools.get({ namespace, name });

  const rebuild = (): void => {
    const ports = (current()?.spec.targetPorts ?? []).map(({ number }) => number);
    const informer = members?.informer;
    // A selector that has just changed: who was let in stays until it is known who is.
    if (informer?.hasSynced === false) return;
    allowed = new Set((informer?.list() ?? []).flatMap((pod) => addressesOf(pod, ports)));
    if (pools.hasSynced && !isComplete) {
      isComplete = true;
      telemetry.logger.info('pool is known', {
        pool: `${namespace}/${name}`,
        targets: allowed.size,
      });
    }
  };
  const follow = (): void => {
    const labels = current()?.spec.selector.matchLabels ?? {};
    const selector = selectorOf(labels);
    if (selector !== members?.selector) {
      if (members !== undefined) stop(members.informer);
      members = undefined;
      // No labels would select every pod.
      if (selector !== '') {
        const informer = startInformer<Pod>({
          ...parts,
          type: pods,
          namespace,
          labelSelector: selector,
          transform: reduced,
        });
        members = { selector, informer };
        informer.onChange(rebuild);
        informer.onStateChange(rebuild);
      }
    }
    rebuild();
  };
  pools.onChange(follow);
  pools.onStateChange(follow);
  follow();

  const problem = (): string | undefined => {
    if (isComplete) return undefined;
    const state = members !== undefined && pools.hasSynced ? members.informer.state : pools.state;
    const why = state.kind === 'degraded' ? `: ${state.error.message}` : '';
    return `the pods of InferencePool ${namespace}/${name} are not known yet${why}`;
  };
  return {
    allows: ({ hostPort }) => allowed.has(hostPort),
    get notReady() {
      return problem();
    },
    stop: async () => {
      await pools.stop();
      if (members !== undefined) stop(members.informer);
      await Promise.all(ending);
    },
  };
}

/** Phases in which a pod's address may be somebody else's. */
const OVER: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);

function addressesOf({ metadata, status }: Pod, ports: readonly number[]): readonly string[] {
  if (status?.podIP === undefined || status.podIP === '' || OVER.has(status.phase ?? '')) return [];
  const hosts = [status.podIP, metadata.name];
  return hosts.flatMap((host) => ports.map((port) => hostPortOf(host, port)));
}

const selectorOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');

/** A pod without what nobody here asks for. */
function reduced({ apiVersion, kind, metadata, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    status: {
      ...(status?.podIP !== undefined && { podIP: status.podIP }),
      ...(status?.phase !== undefined && { phase: status.phase }),
    },
  };
}
