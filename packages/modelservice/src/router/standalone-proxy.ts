// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import { yamlOptions } from '../yaml-options.ts';
import type { JsonObject, RenderedObject } from '../json.ts';
import type { Container } from '../pod/pod.ts';
import type { Settings } from '../settings/settings.ts';
import { envoyConfigOf, READY_PORT } from './envoy-config.ts';

const PROXY_PORT = 8081;
const CONFIG_PATH = '/etc/envoy';

/** Where clients connect in the mode standalone. */
export const proxyPortOf = ({ spec }: Settings): number => spec.gateway?.proxy?.port ?? PROXY_PORT;

/** The proxy beside the endpoint picker: Envoy, which asks it over loopback. */
export function proxyContainerOf(settings: Settings): Container {
  const proxy = settings.spec.gateway?.proxy;
  return {
    name: 'proxy',
    image: proxy?.image ?? settings.images.proxy,
    args: ['--config-path', `${CONFIG_PATH}/envoy.yaml`, '--log-level', 'warn'],
    ports: [
      { name: 'http', containerPort: proxyPortOf(settings), protocol: 'TCP' },
      { name: 'proxy-ready', containerPort: READY_PORT, protocol: 'TCP' },
    ],
    readinessProbe: { httpGet: { path: '/ready', port: READY_PORT }, periodSeconds: 2 },
    // Connections that are there are served while no new ones arrive.
    lifecycle: settings.capabilities.sleepAction
      ? { preStop: { sleep: { seconds: 15 } } }
      : { preStop: { exec: { command: ['sleep', '15'] } } },
    resources: proxy?.resources ?? { requests: { cpu: '100m', memory: '128Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'proxy-config', mountPath: CONFIG_PATH, readOnly: true }],
  };
}

/** The volume with its configuration. */
export const proxyVolumeOf = ({ names }: Settings): JsonObject => ({
  name: 'proxy-config',
  configMap: { name: names.proxyConfig },
});

/** Its configuration and the service that clients use. */
export function standaloneProxyOf(settings: Settings): readonly RenderedObject[] {
  const { names, labels, spec } = settings;
  const port = proxyPortOf(settings);
  const config = stringify(envoyConfigOf(settings, port), yamlOptions);
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: names.proxyConfig, labels: labels.object },
      data: { 'envoy.yaml': config },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: names.proxyService, labels: labels.object },
      spec: {
        type: spec.gateway?.proxy?.serviceType ?? 'ClusterIP',
        selector: labels.epp,
        ports: [{ name: 'http', port, targetPort: 'http', protocol: 'TCP' }],
      },
    },
  ];
}
