// SPDX-License-Identifier: Apache-2.0
export { inClusterConnection } from './connection/in-cluster.ts';
export { kubeconfigConnection } from './connection/kubeconfig.ts';
export { noCredentials } from './connection/connection.ts';
export { createHttpTransport } from './client/http-transport.ts';
export { createKubeClient } from './client/client.ts';
export { startInformer } from './informer/informer.ts';
export { startReflector } from './reflector/reflector.ts';
export { startLeaderElection } from './leader-election/leader-election.ts';
export { createAccessReviewer } from './access/access-reviewer.ts';
export {
  isConflict,
  isExpired,
  isForbidden,
  isNotFound,
  KubeApiError,
  KubeConfigError,
  KubeProtocolError,
  KubeTimeoutError,
  KubeUnreachableError,
} from './errors.ts';
export {
  configMaps,
  deployments,
  events,
  leases,
  namespaces,
  pods,
  secrets,
  services,
} from './built-in-types.ts';

export type { Credentials, KubeConnection } from './connection/connection.ts';
export type { InClusterOptions } from './connection/in-cluster.ts';
export type { KubeconfigOptions } from './connection/kubeconfig.ts';
export type { HttpTransportOptions } from './client/http-transport.ts';
export type { KubeRequest, KubeResponse, KubeTransport } from './client/transport.ts';
export type {
  AppliedConfiguration,
  ApplyOptions,
  CallOptions,
  DeepPartial,
  DeleteOptions,
  KubeClient,
  KubeClientOptions,
  KubeList,
  ListOptions,
  Selection,
  WatchOptions,
  WriteOptions,
} from './client/client.ts';
export type { ObjectKey } from './client/resource-path.ts';
export type { WatchEvent } from './client/watch.ts';
export type { Informer, InformerOptions } from './informer/informer.ts';
export type { Change, ObjectReader } from './informer/object-store.ts';
export type { Reflector, ReflectorOptions, ReflectorSink } from './reflector/reflector.ts';
export type { DegradedReason, ReflectorState } from './reflector/reflector-state.ts';
export type { BackoffOptions } from './reflector/backoff.ts';
export type {
  LeaderElection,
  LeaderElectionOptions,
  Leadership,
} from './leader-election/leader-election.ts';
export type {
  AccessReviewer,
  AccessReviewerOptions,
  KubeUser,
  TokenVerdict,
} from './access/access-reviewer.ts';
export type { KubeApiErrorOptions, KubeStatus, StatusCause } from './errors.ts';
export type {
  BuiltIn,
  ConfigMap,
  Deployment,
  KubeEvent,
  Lease,
  Namespace,
  Pod,
  Secret,
  Service,
  Wire,
} from './built-in-types.ts';
