// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ResourceType } from '@llm-d/crd-types';
import type { Informer } from '@llm-d/kube-runtime';
import { follow, type ClusterWatch } from './cluster-watch.ts';
import { conditionOf, type ConditionState } from './conditions.ts';
import { createStops } from './stops.ts';

export interface PolicyWatchOptions<T extends KubeObject> {
  /** Name of the condition, and of the objects. */
  readonly name: string;
  /** Where the objects count, wherever the API server has them. */
  readonly preferred: ResourceType<T>;
  /** Where they count otherwise. */
  readonly legacy: ResourceType<T>;
  /** What becomes of requests without them. */
  readonly otherwise: string;
}

/** Objects that exist in two API groups, of which one counts. */
export interface PolicyWatch<T extends KubeObject> {
  /** Those of the group that counts. */
  objects(): readonly T[];
  /** Whether it is known which they are, or that they cannot be known. */
  readonly isSettled: boolean;
  /** Ends it; resolves when nothing is in flight. */
  stop(): Promise<void>;
}

/**
 * Follows objects and calls `changed` whenever others count. As in llm-d those of the legacy group count only while the API
 * server does not have the preferred type, or never let us see it. Objects that were known are kept while nobody can be
 * asked.
 */
export function startPolicyWatch<T extends KubeObject>(
  watch: ClusterWatch,
  options: PolicyWatchOptions<T>,
  changed: () => void,
): PolicyWatch<T> {
  const preferred = follow(watch, options.preferred);
  let legacy: Informer<T> | undefined;
  const stops = createStops();
  const stopping = new AbortController();
  let hasWarned = false;

  const look = (): void => {
    if (stopping.signal.aborted) return;
    if (preferred.state.kind === 'synced') {
      stops.begin(legacy);
      legacy = undefined;
      if (!hasWarned) void warnOfIgnored(watch, options, stopping.signal);
      hasWarned = true;
    } else if (legacy === undefined && isAbsent(preferred)) {
      const started = (legacy = follow(watch, options.legacy));
      started.onStateChange(look);
      started.onChange(look);
    }
    watch.conditions.set(options.name, describe(options, preferred, legacy));
    changed();
  };
  preferred.onStateChange(look);
  preferred.onChange(look);
  look();
  return {
    objects: () => (legacy?.hasSynced === true ? legacy : preferred).list(),
    get isSettled() {
      return (legacy ?? preferred).state.kind !== 'syncing';
    },
    stop: async () => {
      stopping.abort();
      stops.begin(preferred);
      stops.begin(legacy);
      await stops.all();
    },
  };
}

/** Says once that there are objects which do not count, because nobody else would. Who may not see them is not told. */
async function warnOfIgnored<T extends KubeObject>(
  { client, namespace, telemetry }: ClusterWatch,
  { name, preferred, legacy }: PolicyWatchOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  const found = await client.list(legacy, { namespace, limit: 1, signal }).catch(() => undefined);
  if (found === undefined || found.items.length === 0) return;
  const groups = { group: preferred.group, ignored: legacy.group };
  telemetry.logger.warn('objects of the legacy group are ignored', { objects: name, ...groups });
}

/** Whether there are no such objects as far as we can know. An API server that is starting may deny types it has. */
function isAbsent({ state, hasSynced, size }: Informer<KubeObject>): boolean {
  if (state.kind !== 'degraded') return false;
  if (state.reason === 'missing') return size === 0;
  return !hasSynced && (state.reason === 'forbidden' || state.reason === 'unauthorized');
}

function describe<T extends KubeObject>(
  { name, preferred: type, legacy: legacyType, otherwise }: PolicyWatchOptions<T>,
  preferred: Informer<T>,
  legacy: Informer<T> | undefined,
): ConditionState {
  const met =
    (informer: Informer<T>, { group }: ResourceType) =>
    (): ConditionState => ({
      status: 'True',
      reason: 'Synced',
      message: `${informer.size} ${name} of ${group} are known`,
    });
  const own = conditionOf(preferred.state, {
    what: `${name} of ${type.group}`,
    met: met(preferred, type),
  });
  if (legacy === undefined) return own;
  if (legacy.state.kind === 'syncing') {
    return { status: 'Unknown', reason: 'Syncing', message: `${name} are being listed` };
  }
  const other = conditionOf(legacy.state, {
    what: `${name} of ${legacyType.group}`,
    met: met(legacy, legacyType),
  });
  if (other.status === 'True') return other;
  // Permission is what somebody can give; a CRD that is missing too says nothing new.
  const { reason, message } = own.reason === 'NotInstalled' ? other : own;
  return { status: 'False', reason, message: `${otherwise}: ${message}` };
}
