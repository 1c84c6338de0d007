// SPDX-License-Identifier: Apache-2.0
import { inferencePools, type InferencePool, type ResourceType } from '@llm-d/crd-types';
import { endpointPoolOf, type EndpointPool } from '@llm-d/endpoint-picker';
import { follow, type ClusterWatch } from './cluster-watch.ts';
import { conditionOf, type ConditionState } from './conditions.ts';

/** The pool of the moment. */
export interface PoolWatch {
  /** The same object until it changes; undefined while there is none. */
  readonly pool: EndpointPool | undefined;
  /** Ends it; resolves when nothing is in flight. */
  stop(): Promise<void>;
}

/** Name of the condition that says whether there is a pool. */
export const poolCondition = 'InferencePool';

/** Follows an InferencePool and calls `changed` when it is another one, comes or goes. It is kept while nobody can be asked. */
export function startPoolWatch(
  watch: ClusterWatch,
  { group, name }: { readonly group: string; readonly name: string },
  changed: () => void,
): PoolWatch {
  const { conditions, namespace } = watch;
  const type = poolType(group);
  const informer = follow(watch, type, { fieldSelector: `metadata.name=${name}` });
  let pool: EndpointPool | undefined;
  const met = (): ConditionState => {
    const there = informer.get({ namespace, name }) !== undefined;
    const which = `InferencePool ${namespace}/${name} of ${group}`;
    if (pool !== undefined) {
      const ports = pool.targetPorts.join(', ');
      return { status: 'True', reason: 'Found', message: `${which} has the ports ${ports}` };
    }
    return there
      ? {
          status: 'False',
          reason: 'Unusable',
          message: `${which} selects nothing or is going away`,
        }
      : { status: 'False', reason: 'NotFound', message: `${which} is not there` };
  };
  const look = (): void => {
    const object = informer.get({ namespace, name });
    const next = object && endpointPoolOf(object);
    // Everything else about it, such as its status, is nobody's business here.
    const isOther = JSON.stringify(next) !== JSON.stringify(pool);
    if (isOther) pool = next;
    conditions.set(poolCondition, conditionOf(informer.state, { what: 'InferencePools', met }));
    if (isOther) changed();
  };
  informer.onStateChange(look);
  informer.onChange(look);
  look();
  return {
    get pool() {
      return pool;
    },
    stop: () => informer.stop(),
  };
}

/** Pools of the first API groups are of the version that was current there. */
const poolType = (group: string): ResourceType<InferencePool> => ({
  ...inferencePools,
  group,
  version: group.endsWith('.x-k8s.io') ? 'v1alpha2' : inferencePools.version,
});
