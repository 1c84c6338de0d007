// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import { startLeaderElection, type KubeClient } from '@llm-d/kube-runtime';
import type { Telemetry } from '@llm-d/telemetry';
import type { Conditions } from './conditions.ts';
import type { KubernetesOptions } from './kubernetes-options.ts';

export interface ElectionParts {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly conditions: Conditions;
  /** Tells our processes apart, also those of one pod. */
  readonly newId: () => string;
  readonly changed: () => void;
}

/** Which of several replicas takes requests. */
export interface Election {
  readonly isLeader: boolean;
  /** Lets another one lead; resolves when the lease is free. */
  resign(): Promise<void>;
}

const leaderCondition = 'Leader';

/** Stands for the lease that llm-d's endpoint pickers of the same pool stand for as well. */
export function startElection(
  { namespace, poolName, podName }: Pick<KubernetesOptions, 'namespace' | 'poolName' | 'podName'>,
  parts: ElectionParts,
): Election {
  const { client, clock, random, telemetry, conditions, newId, changed } = parts;
  const lease = { name: `epp-${namespace}-${poolName}.llm-d.ai`, namespace };
  const election = startLeaderElection({
    client,
    lease,
    identity: `${podName ?? 'epp'}_${newId()}`,
    clock,
    random,
    telemetry,
  });
  const look = (): void => {
    const { leadership } = election;
    const what = `the lease ${namespace}/${lease.name}`;
    if (leadership.kind === 'leader') {
      conditions.set(leaderCondition, {
        status: 'True',
        reason: 'Leading',
        message: `this replica holds ${what}`,
      });
    } else {
      const holder = leadership.leader === undefined ? 'nobody yet' : leadership.leader;
      conditions.set(leaderCondition, {
        status: 'False',
        reason: 'Following',
        message: `${what} is held by ${holder}`,
      });
    }
    changed();
  };
  election.onChange(look);
  look();
  return {
    get isLeader() {
      return election.leadership.kind === 'leader';
    },
    resign: () => election.stop(),
  };
}
