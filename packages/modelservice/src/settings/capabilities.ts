// SPDX-License-Identifier: Apache-2.0

/** What a cluster can do. */
export interface Capabilities {
  readonly leaderWorkerSet: boolean;
  readonly keda: boolean;
  /** PodMonitor, ServiceMonitor and PrometheusRule. */
  readonly prometheusOperator: boolean;
  readonly gatewayApi: boolean;
  readonly inferencePool: boolean;
  /** The pool of `inference.networking.x-k8s.io`. */
  readonly inferencePoolV1alpha2: boolean;
  /** InferenceObjective and InferenceModelRewrite. */
  readonly objectives: boolean;
  /** Volumes that are images (Kubernetes 1.33 with a runtime that has them). */
  readonly imageVolume: boolean;
  /** ResourceClaimTemplate v1 (Kubernetes 1.34). */
  readonly dynamicResources: boolean;
  /** `lifecycle.preStop.sleep` (Kubernetes 1.30). */
  readonly sleepAction: boolean;
  /** Users are given by the cluster. */
  readonly openShift: boolean;
  /** Whose gateway it is, where a ModelService says `auto`. */
  readonly gatewayProvider: string;
  /** Whether a BaseConfig may be in another namespace. */
  readonly foreignBaseConfig: boolean;
  readonly clusterDomain: string;
}

/** A current cluster with everything installed. */
export const defaultCapabilities: Capabilities = {
  leaderWorkerSet: true,
  keda: true,
  prometheusOperator: true,
  gatewayApi: true,
  inferencePool: true,
  inferencePoolV1alpha2: true,
  objectives: true,
  imageVolume: true,
  dynamicResources: true,
  sleepAction: true,
  openShift: false,
  gatewayProvider: 'none',
  foreignBaseConfig: false,
  clusterDomain: 'cluster.local',
};
