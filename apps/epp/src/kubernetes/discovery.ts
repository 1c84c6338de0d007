// SPDX-License-Identifier: Apache-2.0
import {
  inferenceModelRewrites,
  inferenceModelRewritesX,
  inferenceObjectives,
  inferenceObjectivesX,
} from '@llm-d/crd-types';
import {
  createPoolMembership,
  parsersSpeak,
  policySourcesOf,
  type EndpointPool,
  type Fleet,
  type RequestPolicyHolder,
} from '@llm-d/endpoint-picker';
import type { ClusterWatch } from './cluster-watch.ts';
import type { KubernetesOptions } from './kubernetes-options.ts';
import { podCondition, startPodWatch } from './pod-watch.ts';
import { startPolicyWatch } from './policy-watch.ts';
import { poolCondition, startPoolWatch, type PoolWatch } from './pool-watch.ts';
import { turnBatch } from './turn-batch.ts';

export interface DiscoveryParts extends ClusterWatch {
  readonly fleet: Fleet;
  readonly policies: RequestPolicyHolder;
  /** Types of the parsers that the configuration has. */
  readonly parsers: readonly string[];
  /** Called whenever {@link Discovery.notReady} may be another one. */
  readonly changed: () => void;
}

/** Fleet and policies that follow a cluster. */
export interface Discovery {
  /** What is not known yet, or missing; undefined when requests can be placed. */
  readonly notReady: string | undefined;
  /** Empties fleet and policies at once and ends; resolves when nothing is in flight. */
  stop(): Promise<void>;
}

const protocolCondition = 'AppProtocol';

/**
 * Keeps the fleet equal to the serving pods of the pool, and the policies to the objectives and rewrites that refer to it.
 * Each of them degrades on its own, keeps what it knew, and recovers by itself; conditions say how they are.
 */
export function startDiscovery(
  { source, namespace, poolName }: Pick<KubernetesOptions, 'source' | 'namespace' | 'poolName'>,
  parts: DiscoveryParts,
): Discovery {
  const { fleet, policies, clock, conditions, changed, parsers } = parts;
  const membership = createPoolMembership(fleet);
  const members = turnBatch(clock, () => {
    const { pool } = pools;
    membership.apply(pods.list(), pool);
    changed();
  });
  const rules = turnBatch(clock, () => {
    if (references === undefined) return;
    const { objectives, rewrites, pool } = references;
    const objects = { objectives: objectives.objects(), rewrites: rewrites.objects() };
    policies.replace(policySourcesOf(objects, pool));
    changed();
  });
  const pods = startPodWatch(parts, members.mark);
  const poolChanged = (pool: EndpointPool | undefined): void => {
    pods.select(pool?.matchLabels);
    if (pool !== undefined) sayProtocol(pool);
    members.mark();
  };
  const sayProtocol = ({ appProtocol }: EndpointPool): void => {
    const fits = parsersSpeak(parsers, appProtocol);
    conditions.set(protocolCondition, {
      status: fits ? 'True' : 'False',
      reason: fits ? 'Supported' : 'Unsupported',
      message: `the pool speaks ${appProtocol}, the parsers are ${parsers.join(', ')}`,
    });
  };
  const pools = watchPool({ source, namespace, poolName }, parts, poolChanged);
  const references = source.kind === 'pool' ? watchPolicies(source.group) : undefined;

  function watchPolicies(group: string) {
    return {
      pool: { group, name: poolName },
      objectives: startPolicyWatch(
        parts,
        {
          name: 'InferenceObjectives',
          preferred: inferenceObjectives,
          legacy: inferenceObjectivesX,
          otherwise: 'every request has priority 0',
        },
        rules.mark,
      ),
      rewrites: startPolicyWatch(
        parts,
        {
          name: 'InferenceModelRewrites',
          preferred: inferenceModelRewrites,
          legacy: inferenceModelRewritesX,
          otherwise: 'no model is rewritten',
        },
        rules.mark,
      ),
    };
  }

  const problem = (): string | undefined => {
    const because = (name: string): string => {
      const condition = conditions.get(name);
      return condition === undefined ? `${name} is not known` : condition.message;
    };
    if (pools.pool === undefined) return because(poolCondition);
    if (!pods.hasSynced) return because(podCondition);
    if (!parsersSpeak(parsers, pools.pool.appProtocol)) return because(protocolCondition);
    if (references?.objectives.isSettled === false) return because('InferenceObjectives');
    if (references?.rewrites.isSettled === false) return because('InferenceModelRewrites');
    return undefined;
  };
  return {
    get notReady() {
      return problem();
    },
    stop: async () => {
      // At once, because a successor may fill them before everything here has ended.
      members.end();
      rules.end();
      membership.apply([], undefined);
      policies.replace({});
      await Promise.all([
        pools.stop(),
        pods.stop(),
        references?.objectives.stop(),
        references?.rewrites.stop(),
      ]);
    },
  };
}

/** Where the pool comes from: from the API server, or from the command line once and for all. */
function watchPool(
  { source, namespace, poolName }: Pick<KubernetesOptions, 'source' | 'namespace' | 'poolName'>,
  parts: ClusterWatch,
  changed: (pool: EndpointPool | undefined) => void,
): PoolWatch {
  if (source.kind === 'pool') {
    const watch = startPoolWatch(parts, { group: source.group, name: poolName }, () => {
      changed(watch.pool);
    });
    return watch;
  }
  const { matchLabels, targetPorts } = source;
  const pool = { namespace, name: poolName, matchLabels, targetPorts, appProtocol: 'http' };
  changed(pool);
  return { pool, stop: () => Promise.resolve() };
}
