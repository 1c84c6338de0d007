// SPDX-License-Identifier: Apache-2.0
import { activePortsAnnotations, labelSelectorText } from '@llm-d/endpoint-picker';
import { pods, type Informer, type Pod } from '@llm-d/kube-runtime';
import { follow, type ClusterWatch } from './cluster-watch.ts';
import { conditionOf } from './conditions.ts';
import { createStops } from './stops.ts';

/** The pods that a selector selects. */
export interface PodWatch {
  /** Whether they are known, or those that were selected before. */
  readonly hasSynced: boolean;
  /** What is known of them, small: labels, address, readiness. Objects are other ones once they change. */
  list(): readonly Pod[];
  /** Follows other pods from now on, or none. Those of before are listed until the new ones are known. */
  select(matchLabels: Readonly<Record<string, string>> | undefined): void;
  /** Ends it; resolves when nothing is in flight. */
  stop(): Promise<void>;
}

/** Name of the condition that says whether pods are known. */
export const podCondition = 'Pods';

/** Follows pods of the namespace once it is told which, and calls `changed` whenever something about them has changed. */
export function startPodWatch(watch: ClusterWatch, changed: () => void): PodWatch {
  const { conditions } = watch;
  const stops = createStops();
  let selector: string | undefined;
  let current: Informer<Pod> | undefined;
  let former: Informer<Pod> | undefined;

  const look = (informer: Informer<Pod>): void => {
    if (informer !== current) return;
    if (informer.hasSynced) {
      stops.begin(former);
      former = undefined;
    }
    const met = () => {
      const message = `${informer.size} pods match ${selector ?? ''}`;
      return { status: 'True', reason: 'Synced', message } as const;
    };
    conditions.set(podCondition, conditionOf(informer.state, { what: 'pods', met }));
    changed();
  };
  const start = (labelSelector: string): Informer<Pod> => {
    const informer = follow(watch, pods, { labelSelector, transform: reduced });
    const lookAtIt = (): void => {
      look(informer);
    };
    informer.onStateChange(lookAtIt);
    informer.onChange(lookAtIt);
    return informer;
  };
  const known = (): Informer<Pod> | undefined => (current?.hasSynced === true ? current : former);
  const end = (): void => {
    stops.begin(former);
    stops.begin(current);
    former = current = undefined;
  };
  return {
    get hasSynced() {
      return known() !== undefined;
    },
    list: () => known()?.list() ?? [],
    select: (matchLabels) => {
      const wanted = matchLabels && labelSelectorText(matchLabels);
      if (wanted === selector) return;
      selector = wanted;
      if (wanted === undefined) {
        end();
        return;
      }
      const kept = known();
      if (current !== kept) stops.begin(current);
      if (former !== kept) stops.begin(former);
      former = kept;
      current = start(wanted);
      look(current);
    },
    stop: async () => {
      end();
      await stops.all();
    },
  };
}

/** A pod without what nobody here asks for: of some 10 KB remain some hundred bytes. */
function reduced({ apiVersion, kind, metadata, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, labels } = metadata;
  const annotations = activePortsAnnotations.flatMap((key) => {
    const value = metadata.annotations?.[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(labels !== undefined && { labels }),
      ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    },
    status: {
      ...(status?.podIP !== undefined && { podIP: status.podIP }),
      conditions: status?.conditions?.filter(({ type }) => type === 'Ready') ?? [],
    },
  };
}
