// SPDX-License-Identifier: Apache-2.0
import type { RenderedObject } from '../json.ts';
import type { RoleSettings, Settings } from '../settings/settings.ts';

/** A service in front of a role's servers, for those who do not come through a gateway. */
export function roleServiceOf(
  settings: Settings,
  { role, service, ports }: RoleSettings,
): RenderedObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service, labels: settings.labels.object },
    spec: {
      selector: settings.labels.selector(role),
      ports: ports.service.map((port, rank) => ({
        name: ports.service.length > 1 ? `http-${rank}` : 'http',
        port,
        targetPort: port,
        protocol: 'TCP',
      })),
    },
  };
}
