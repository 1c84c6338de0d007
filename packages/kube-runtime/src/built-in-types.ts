// SPDX-License-Identifier: Apache-2.0
import type {
  CoreV1Event,
  EventsV1Event,
  V1ConfigMap,
  V1Deployment,
  V1Lease,
  V1Namespace,
  V1Pod,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1SubjectAccessReview,
  V1TokenReview,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';
import type { KubeObject, ResourceType } from '@llm-d/crd-types';

/**
 * A type of the Kubernetes client library as JSON says it: times are text, everything is to be read, and fields whose
 * names the library has changed (`_continue`) have their own.
 */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T as Key extends `_${infer Name}` ? Name : Key]: Wire<T[Key]> }
      : T;

/** An object of Kubernetes' own, with the parts that every stored object has. */
export type BuiltIn<T> = KubeObject & Wire<Omit<T, 'apiVersion' | 'kind' | 'metadata'>>;

export type ConfigMap = BuiltIn<V1ConfigMap>;
export type Deployment = BuiltIn<V1Deployment>;
export type HorizontalPodAutoscaler = BuiltIn<V2HorizontalPodAutoscaler>;
export type KubeEvent = BuiltIn<CoreV1Event>;
export type Lease = BuiltIn<V1Lease>;
export type Namespace = BuiltIn<V1Namespace>;
export type Pod = BuiltIn<V1Pod>;
export type RecordedEvent = BuiltIn<EventsV1Event>;
export type Role = BuiltIn<V1Role>;
export type RoleBinding = BuiltIn<V1RoleBinding>;
export type Secret = BuiltIn<V1Secret>;
export type Service = BuiltIn<V1Service>;
export type ServiceAccount = BuiltIn<V1ServiceAccount>;
export type SubjectAccessReview = BuiltIn<V1SubjectAccessReview>;
export type TokenReview = BuiltIn<V1TokenReview>;

const core = { group: '', version: 'v1', namespaced: true } as const;

export const configMaps: ResourceType<ConfigMap> = {
  ...core,
  plural: 'configmaps',
  kind: 'ConfigMap',
};
export const events: ResourceType<KubeEvent> = { ...core, plural: 'events', kind: 'Event' };
export const namespaces: ResourceType<Namespace> = {
  ...core,
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
export const pods: ResourceType<Pod> = { ...core, plural: 'pods', kind: 'Pod' };
export const secrets: ResourceType<Secret> = { ...core, plural: 'secrets', kind: 'Secret' };
export const services: ResourceType<Service> = { ...core, plural: 'services', kind: 'Service' };

export const serviceAccounts: ResourceType<ServiceAccount> = {
  ...core,
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
};

const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true } as const;

export const roles: ResourceType<Role> = { ...rbac, plural: 'roles', kind: 'Role' };
export const roleBindings: ResourceType<RoleBinding> = {
  ...rbac,
  plural: 'rolebindings',
  kind: 'RoleBinding',
};

/** Events as they are written today; the same ones are also {@link events}. */
export const recordedEvents: ResourceType<RecordedEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

export const horizontalPodAutoscalers: ResourceType<HorizontalPodAutoscaler> = {
  group: 'autoscaling',
  version: 'v2',
  plural: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  namespaced: true,
};

export const deployments: ResourceType<Deployment> = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};

export const leases: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

/** Says whose a token is. Only to be created; nothing is stored. */
export const tokenReviews: ResourceType<TokenReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
};

/** Says whether somebody may do something. Only to be created; nothing is stored. */
export const subjectAccessReviews: ResourceType<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
};
