// SPDX-License-Identifier: Apache-2.0
export { inClusterConnection } from './connection/in-cluster.ts';
export { connectCluster } from './connection/connect-cluster.ts';
export { kubeconfigConnection } from './connection/kubeconfig.ts';
export { noCredentials } from './connection/connection.ts';
export { createHttpTransport } from './client/http-transport.ts';
export { createKubeClient } from './client/client.ts';
export { startInformer } from './informer/informer.ts';
export { startReflector } from './reflector/reflector.ts';
export { leaderElectionStatus, startLeaderElection } from './leader-election/leader-election.ts';
export { createAccessReviewer } from './access/access-reviewer.ts';
export { startManager } from './manager/manager.ts';
export { printHealth } from './manager/health.ts';
export { startController } from './controller/controller.ts';
export { ownerKeys, ownKey, sourceOf, specChanged } from './controller/source.ts';
export { TerminalError } from './controller/terminal-error.ts';
export { controllerMetrics } from './controller/controller-metrics.ts';
export { createIndex } from './informer/object-index.ts';
export { createApplySet } from './apply-set/apply-set.ts';
export { applySetId, applySetKeys } from './apply-set/apply-set-id.ts';
export { ApplySetIncompleteError, ApplySetRefusedError } from './apply-set/apply-set-errors.ts';
export { createEventRecorder } from './events/event-recorder.ts';
export { createWorkQueue } from './work-queue/work-queue.ts';
export { workQueueMetrics } from './work-queue/work-queue-metrics.ts';
export {
  isConflict,
  isExpired,
  isForbidden,
  isNotFound,
  KubeApiError,
  KubeApplyConflictError,
  KubeConfigError,
  KubeProtocolError,
  KubeTimeoutError,
  KubeUnreachableError,
} from './errors.ts';
export {
  configMaps,
  deployments,
  events,
  horizontalPodAutoscalers,
  leases,
  namespaces,
  pods,
  recordedEvents,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
  services,
} from './built-in-types.ts';

export type { Cluster, ClusterLocation } from './connection/connect-cluster.ts';
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
  NewObject,
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
export type { ManagedInformer, Manager, ManagerOptions } from './manager/manager.ts';
export type { Health, HealthCheck } from './manager/health.ts';
export type {
  Controller,
  ControllerOptions,
  Reconcile,
  ReconcileResult,
  StopOptions,
} from './controller/controller.ts';
export type { KeysOf, Source, SourceOptions } from './controller/source.ts';
export type { ObjectIndex } from './informer/object-index.ts';
export type {
  ApplySet,
  ApplySetEntry,
  ApplySetOptions,
  ApplySetReport,
} from './apply-set/apply-set.ts';
export type { ApplySetFailure } from './apply-set/apply-set-errors.ts';
export type { MemberOutcome } from './apply-set/member-outcome.ts';
export type { EventRecorder, EventRecorderOptions } from './events/event-recorder.ts';
export type { EventNote } from './events/event-series.ts';
export type { WorkQueue, WorkQueueOptions } from './work-queue/work-queue.ts';
export type { RetryOptions } from './work-queue/rate-limiter.ts';
export type { FieldConflict, KubeApiErrorOptions, KubeStatus, StatusCause } from './errors.ts';
export type {
  BuiltIn,
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  KubeEvent,
  Lease,
  Namespace,
  Pod,
  RecordedEvent,
  Role,
  RoleBinding,
  Secret,
  Service,
  ServiceAccount,
  Wire,
} from './built-in-types.ts';
