// SPDX-License-Identifier: Apache-2.0
import type { JsonObject, RenderedObject } from '../json.ts';
import { EXT_PROC_PORT } from '../router/inference-pool.ts';
import { METRICS_PORT } from '../router/endpoint-picker.ts';
import { proxyPortOf } from '../router/standalone-proxy.ts';
import type { Settings } from '../settings/settings.ts';

/** Who may talk to servers and to the endpoint picker; nothing where the ModelService does not ask for it. */
export function networkPoliciesOf(settings: Settings): readonly RenderedObject[] {
  if (settings.spec.networkPolicy?.enabled !== true) return [];
  return [serversPolicy(settings), pickerPolicy(settings)];
}

/** Servers are reached by each other (hand-over, ranks), by the endpoint picker and by proxies. */
function serversPolicy(settings: Settings): RenderedObject {
  const { labels, names, roles } = settings;
  const ports = [...new Set(roles.flatMap((role) => role.ports.service))].map(tcp);
  const engines = [...new Set(roles.flatMap((role) => role.ports.engine))].map(tcp);
  const monitors = monitorsOf(settings);
  return policy(settings, {
    name: names.pool,
    pods: labels.pool,
    ingress: [
      { from: [{ podSelector: { matchLabels: labels.pool } }] },
      // Also events of the cache and whatever else it asks engines.
      { from: [{ podSelector: { matchLabels: labels.epp } }] },
      ...allowed(proxiesOf(settings), ports),
      ...allowed(monitors, engines),
    ],
  });
}

function pickerPolicy(settings: Settings): RenderedObject {
  const { labels, names, gateway } = settings;
  const standalone = gateway.mode === 'standalone';
  return policy(settings, {
    name: names.epp,
    pods: labels.epp,
    ingress: [
      ...(standalone ? [{ ports: [tcp(proxyPortOf(settings))] }] : []),
      ...allowed(proxiesOf(settings), [tcp(EXT_PROC_PORT)]),
      { ports: [tcp(METRICS_PORT)] },
    ],
  });
}

const tcp = (port: number): JsonObject => ({ protocol: 'TCP', port });

const inNamespace = (name: string): JsonObject => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});

/** Where proxies are: the namespaces of the gateways, which for some providers are others. */
function proxiesOf({ gateway, spec, namespace }: Settings): readonly JsonObject[] {
  if (gateway.mode !== 'gateway') return [];
  const stated = spec.networkPolicy?.gatewayNamespaces;
  const namespaces = stated ?? gateway.refs.map((ref) => ref.namespace ?? namespace);
  const known = namespaces.filter((name) => name !== undefined);
  // Without a namespace of its own an object goes to one that is not known here.
  return known.length < namespaces.length
    ? [{ podSelector: {} }, ...unique(known).map(inNamespace)]
    : unique(known).map(inNamespace);
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];

const monitorsOf = ({ spec }: Settings): readonly JsonObject[] =>
  (spec.networkPolicy?.monitoringNamespaces ?? []).map(inNamespace);

/** A rule for those who may, and none for nobody: an empty list would mean everybody. */
const allowed = (
  from: readonly JsonObject[],
  ports: readonly JsonObject[],
): readonly JsonObject[] => (from.length === 0 ? [] : [{ from, ports }]);

interface Policy {
  readonly name: string;
  readonly pods: Readonly<Record<string, string>>;
  readonly ingress: readonly JsonObject[];
}

const policy = ({ labels }: Settings, { name, pods, ingress }: Policy): RenderedObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, labels: labels.object },
  spec: { podSelector: { matchLabels: pods }, policyTypes: ['Ingress'], ingress },
});
