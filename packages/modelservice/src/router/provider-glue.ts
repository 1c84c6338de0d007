// SPDX-License-Identifier: Apache-2.0
import type { RenderedObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';
import { routeTimeoutSecondsOf } from './http-route.ts';
import { poolPortsOf } from './inference-pool.ts';

/** Objects that only the gateway of one provider needs. */
export function providerGlueOf(settings: Settings): readonly RenderedObject[] {
  if (settings.gateway.mode !== 'gateway') return [];
  switch (settings.gateway.provider) {
    case 'istio':
      return settings.gateway.tls ? [destinationRule(settings)] : [];
    case 'gke':
      return [healthCheckPolicy(settings), backendPolicy(settings)];
    default:
      return [];
  }
}

/** Istio speaks TLS to the endpoint picker, whose certificate is of its own making. */
function destinationRule({
  names,
  labels,
  namespace = 'default',
  capabilities,
}: Settings): RenderedObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: names.eppService, labels: labels.object },
    spec: {
      host: `${names.eppService}.${namespace}.svc.${capabilities.clusterDomain}`,
      trafficPolicy: { tls: { mode: 'SIMPLE', insecureSkipVerify: true } },
    },
  };
}

const targetRefOf = ({ names }: Settings) => ({
  group: 'inference.networking.k8s.io',
  kind: 'InferencePool',
  name: names.pool,
});

/** Google's load balancers ask `/` otherwise, which model servers do not answer. */
function healthCheckPolicy(settings: Settings): RenderedObject {
  const [port = 8000] = poolPortsOf(settings);
  return {
    apiVersion: 'networking.gke.io/v1',
    kind: 'HealthCheckPolicy',
    metadata: { name: settings.names.pool, labels: settings.labels.object },
    spec: {
      targetRef: targetRefOf(settings),
      default: {
        checkIntervalSec: 2,
        timeoutSec: 2,
        config: { type: 'HTTP', httpHealthCheck: { requestPath: '/health', port } },
      },
    },
  };
}

function backendPolicy(settings: Settings): RenderedObject {
  // There is no "no limit": a day.
  const timeoutSec = routeTimeoutSecondsOf(settings) || 86_400;
  return {
    apiVersion: 'networking.gke.io/v1',
    kind: 'GCPBackendPolicy',
    metadata: { name: settings.names.pool, labels: settings.labels.object },
    spec: {
      targetRef: targetRefOf(settings),
      default: { timeoutSec, logging: { enabled: true } },
    },
  };
}
