// SPDX-License-Identifier: Apache-2.0
import type { Findings } from '../findings.ts';
import type { RenderedObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';
import { alertsOf } from './alerts.ts';

/** Where metrics are read and when somebody is called, for the Prometheus operator. */
export function monitorsOf(settings: Settings, findings: Findings): readonly RenderedObject[] {
  const { monitoring } = settings.spec;
  if (monitoring?.enabled !== true) return [];
  if (!settings.capabilities.prometheusOperator) {
    findings.warn('spec.monitoring', 'the cluster has no Prometheus operator: nothing is made');
    return [];
  }
  const monitors = [podMonitor(settings), pickerMonitor(settings)];
  return monitoring.alerts ? [...monitors, alertsOf(settings)] : monitors;
}

const metadataOf = (settings: Settings, name: string) => ({
  name,
  labels: { ...settings.labels.object, ...settings.spec.monitoring?.labels },
});

const intervalOf = ({ spec }: Settings): string => `${spec.monitoring?.intervalSeconds ?? 15}s`;

/** Every engine port of the servers, without the sidecar between. */
function podMonitor(settings: Settings): RenderedObject {
  const names = settings.roles.flatMap(({ ports }) =>
    ports.engine.map((_, rank) => (ports.engine.length > 1 ? `rank${rank}` : 'modelserver')),
  );
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: metadataOf(settings, settings.names.pool),
    spec: {
      selector: { matchLabels: settings.labels.pool },
      podTargetLabels: ['llm-d.ai/model', 'llm-d.ai/role'],
      podMetricsEndpoints: [...new Set(names)].map((port) => ({
        port,
        path: '/metrics',
        interval: intervalOf(settings),
      })),
    },
  };
}

function pickerMonitor(settings: Settings): RenderedObject {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: metadataOf(settings, settings.names.epp),
    spec: {
      selector: { matchLabels: settings.labels.epp },
      endpoints: [{ port: 'http-metrics', path: '/metrics', interval: intervalOf(settings) }],
    },
  };
}
