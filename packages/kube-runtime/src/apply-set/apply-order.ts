// SPDX-License-Identifier: Apache-2.0
import type { ResourceType } from '@llm-d/crd-types';

/**
 * What must be there before what: identities and what they may do, then configuration, then the names under which
 * workloads are reached, the workloads, who scales and guards them, and last who sends traffic to them.
 */
const order: readonly (readonly string[])[] = [
  ['Namespace'],
  ['CustomResourceDefinition'],
  ['PriorityClass', 'StorageClass', 'ResourceQuota', 'LimitRange'],
  ['ServiceAccount'],
  ['ClusterRole', 'Role'],
  ['ClusterRoleBinding', 'RoleBinding'],
  ['ConfigMap', 'Secret'],
  ['PersistentVolume', 'PersistentVolumeClaim', 'ResourceClaimTemplate'],
  ['NetworkPolicy'],
  ['Service'],
  [
    'Deployment',
    'StatefulSet',
    'DaemonSet',
    'ReplicaSet',
    'LeaderWorkerSet',
    'Job',
    'CronJob',
    'Pod',
  ],
  // Anything that is not named here.
  [],
  [
    'HorizontalPodAutoscaler',
    'ScaledObject',
    'PodDisruptionBudget',
    'PodMonitor',
    'ServiceMonitor',
    'PrometheusRule',
  ],
  ['InferencePool', 'InferenceObjective', 'InferenceModelRewrite', 'InferenceModel'],
  ['DestinationRule', 'HealthCheckPolicy', 'GCPBackendPolicy', 'BackendTrafficPolicy'],
  ['Gateway', 'ReferenceGrant'],
  ['HTTPRoute', 'GRPCRoute', 'Ingress'],
];

const ranks = new Map(order.flatMap((kinds, rank) => kinds.map((kind) => [kind, rank] as const)));
const unknownRank = order.findIndex((kinds) => kinds.length === 0);

/** Where objects of a type come when a set is applied; lower is earlier, and later when they are pruned. */
export const applyRank = ({ kind }: Pick<ResourceType, 'kind'>): number =>
  ranks.get(kind) ?? unknownRank;
