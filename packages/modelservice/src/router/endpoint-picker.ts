// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import { yamlOptions } from '../yaml-options.ts';
import { defined, type JsonObject, type RenderedObject } from '../json.ts';
import { mergeAll } from '../merge/strategic-merge.ts';
import { shortHash } from '../names.ts';
import { argsOf, flag, flagIf, flagsFrom } from '../pod/flags.ts';
import { overlayContainers } from '../pod/container-overlay.ts';
import type { Container, PodTemplate } from '../pod/pod.ts';
import type { Settings } from '../settings/settings.ts';
import { EXT_PROC_PORT, poolPortsOf } from './inference-pool.ts';
import { pickerConfigOf } from './picker-config.ts';
import { proxyContainerOf, proxyVolumeOf } from './standalone-proxy.ts';

const HEALTH_PORT = 9003;
/** Port of its metrics. */
export const METRICS_PORT = 9090;
const CONFIG_PATH = '/config';
const CONFIG_FILE = 'picker.yaml';
/** Longest that streams which run are waited for. */
const GRACE_SECONDS = 130;
const DRAIN_SECONDS = 120;

/** The configuration as a file. */
export function pickerConfigMapOf(settings: Settings): RenderedObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: settings.names.eppConfig, labels: settings.labels.object },
    data: { [CONFIG_FILE]: stringify(pickerConfigOf(settings), yamlOptions) },
  };
}

/** The service of the endpoint picker: for gateways, and for whoever reads metrics. */
export function pickerServiceOf({ names, labels }: Settings): RenderedObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: names.eppService, labels: { ...labels.object, ...labels.epp } },
    spec: {
      selector: labels.epp,
      ports: [
        {
          name: 'grpc-ext-proc',
          port: EXT_PROC_PORT,
          targetPort: EXT_PROC_PORT,
          protocol: 'TCP',
          appProtocol: 'kubernetes.io/h2c',
        },
        { name: 'http-metrics', port: METRICS_PORT, targetPort: METRICS_PORT, protocol: 'TCP' },
      ],
    },
  };
}

/** The endpoint picker itself, with a proxy beside it in the mode standalone. */
export function pickerDeploymentOf(settings: Settings): RenderedObject {
  const { names, labels, spec } = settings;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: names.epp, labels: { ...labels.object, ...labels.epp } },
    spec: defined({
      replicas: spec.endpointPicker?.replicas ?? 1,
      selector: { matchLabels: labels.epp },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: podTemplateOf(settings),
    }),
  };
}

function podTemplateOf(settings: Settings): PodTemplate {
  const { names, labels, spec, gateway } = settings;
  const picker = spec.endpointPicker;
  const proxied = gateway.mode === 'standalone';
  const made: PodTemplate = {
    metadata: {
      labels: { ...labels.object, ...labels.epp },
      // Endpoint pickers that read their file once are started anew when it changes.
      annotations: { 'llm-d.ai/config-hash': shortHash(JSON.stringify(pickerConfigOf(settings))) },
    },
    spec: {
      serviceAccountName: names.eppServiceAccount,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      securityContext: podSecurity(settings),
      containers: [pickerContainerOf(settings), ...(proxied ? [proxyContainerOf(settings)] : [])],
      volumes: [
        { name: 'config', configMap: { name: names.eppConfig } },
        ...(proxied ? [proxyVolumeOf(settings)] : []),
      ],
    },
  };
  const laid = overlayContainers(
    overlayContainers(made, 'containers', picker?.containers ?? []),
    'initContainers',
    picker?.initContainers ?? [],
  );
  return mergeAll(laid, picker?.template ?? {}, { metadata: { labels: labels.epp } });
}

const podSecurity = ({ capabilities }: Settings): JsonObject => ({
  runAsNonRoot: true,
  ...(!capabilities.openShift && { runAsUser: 65532 }),
  seccompProfile: { type: 'RuntimeDefault' },
});

/** Security context of containers that write nothing. */
export const strictSecurity: JsonObject = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

function pickerContainerOf(settings: Settings): Container {
  const picker = settings.spec.endpointPicker;
  const several = (picker?.replicas ?? 1) > 1;
  const probe = (service: string) => ({ grpc: { port: HEALTH_PORT, service } });
  return {
    name: 'epp',
    image: picker?.image ?? settings.images.endpointPicker,
    args: pickerArgs(settings, several),
    env: [
      { name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    ports: [
      { name: 'grpc', containerPort: EXT_PROC_PORT, protocol: 'TCP' },
      { name: 'grpc-health', containerPort: HEALTH_PORT, protocol: 'TCP' },
      { name: 'metrics', containerPort: METRICS_PORT, protocol: 'TCP' },
    ],
    livenessProbe: {
      ...probe(several ? 'liveness' : 'inference-extension'),
      initialDelaySeconds: 5,
      periodSeconds: 10,
    },
    readinessProbe: { ...probe(several ? 'readiness' : 'inference-extension'), periodSeconds: 2 },
    resources: picker?.resources ?? { requests: { cpu: '100m', memory: '256Mi' } },
    securityContext: strictSecurity,
    volumeMounts: [{ name: 'config', mountPath: CONFIG_PATH, readOnly: true }],
  };
}

function pickerArgs(settings: Settings, several: boolean): readonly string[] {
  const { spec, gateway, capabilities, names, labels } = settings;
  const selector = Object.entries(labels.pool)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  const flags = [
    ...(capabilities.inferencePool
      ? [flag('--pool-name', names.pool)]
      : [
          flag('--endpoint-selector', selector),
          flag('--endpoint-target-ports', poolPortsOf(settings).join(',')),
        ]),
    flag('--pool-namespace', '$(NAMESPACE)'),
    flag('--config-file', `${CONFIG_PATH}/${CONFIG_FILE}`),
    flag('--grpc-port', EXT_PROC_PORT),
    flag('--grpc-health-port', HEALTH_PORT),
    flag('--metrics-port', METRICS_PORT),
    flag('--secure-serving', String(gateway.tls)),
    flag('--drain-timeout', `${DRAIN_SECONDS}s`),
    // Who may read metrics is the network policy's affair: reviews of tokens would need a cluster role.
    flag('--metrics-endpoint-auth', 'false'),
    flag('--tracing', 'false'),
    ...flagIf(several, '--ha-enable-leader-election', 'true'),
  ];
  const stated = flagsFrom(spec.endpointPicker?.flags ?? {});
  const kept = flags.filter(({ name }) => !stated.some((other) => other.name === name));
  return [...kept, ...stated].flatMap(argsOf);
}
