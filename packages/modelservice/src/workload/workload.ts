// SPDX-License-Identifier: Apache-2.0
import { defined, type JsonObject, type RenderedObject } from '../json.ts';
import { strategicMerge } from '../merge/strategic-merge.ts';
import { engineNamed } from '../pod/role-patches.ts';
import type { PodTemplate } from '../pod/pod.ts';
import type { RoleSettings, Settings } from '../settings/settings.ts';

/** How many replicas an object is created with whose number somebody else decides afterwards. */
export interface InitialReplicas {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly replicas: number;
}

/** A workload, and how many replicas it begins with where it does not say so itself. */
export interface Workload {
  readonly object: RenderedObject;
  readonly initialReplicas?: InitialReplicas;
}

/** Loading takes as long as the startup probe allows; only then has a rollout failed. */
const PROGRESS_SECONDS = 3900;

/** The Deployment or LeaderWorkerSet of a role, with its pods. */
export function workloadOf(
  settings: Settings,
  role: RoleSettings,
  template: PodTemplate,
): Workload {
  const meta = { name: role.workload.name, labels: settings.labels.pod(role.role) };
  const replicas = replicasOf(settings, role);
  const object =
    role.workload.kind === 'Deployment'
      ? deployment(settings, role, { meta, template, replicas: replicas.stated })
      : leaderWorkerSet(role, { meta, template, replicas: replicas.stated });
  const { apiVersion, kind } = object;
  if (replicas.initial === undefined) return { object };
  return {
    object,
    initialReplicas: { apiVersion, kind, name: meta.name, replicas: replicas.initial },
  };
}

/** Replicas as they are written always, or only at the beginning. */
export function replicasOf(
  { spec: { decoupleScaling } }: Settings,
  { spec }: RoleSettings,
): { readonly stated?: number; readonly initial?: number } {
  if (spec.scaling !== undefined) return { initial: spec.scaling.minReplicas };
  if (decoupleScaling === true) {
    return spec.replicas === undefined ? {} : { initial: spec.replicas };
  }
  return spec.replicas === undefined ? {} : { stated: spec.replicas };
}

interface Parts {
  readonly meta: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly template: PodTemplate;
  readonly replicas: number | undefined;
}

function deployment(
  settings: Settings,
  { role, spec }: RoleSettings,
  { meta, template, replicas }: Parts,
): RenderedObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta,
    spec: defined({
      replicas,
      selector: { matchLabels: settings.labels.selector(role) },
      strategy: spec.strategy,
      progressDeadlineSeconds: PROGRESS_SECONDS,
      template,
    }),
  };
}

function leaderWorkerSet(role: RoleSettings, { meta, template, replicas }: Parts): RenderedObject {
  const { spec, parallelism, engineContainer } = role;
  const worker: JsonObject | undefined =
    spec.worker && strategicMerge(template, engineNamed(spec.worker, engineContainer));
  return {
    apiVersion: 'leaderworkerset.x-k8s.io/v1',
    kind: 'LeaderWorkerSet',
    metadata: meta,
    spec: defined({
      replicas,
      rolloutStrategy: spec.strategy,
      leaderWorkerTemplate: {
        size: parallelism.workers,
        // Ranks that outlive one of their group wait for it for ever.
        restartPolicy: 'RecreateGroupOnPodRestart',
        ...(worker && { leaderTemplate: template }),
        workerTemplate: worker ?? template,
      },
    }),
  };
}
