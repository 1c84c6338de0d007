// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';
import type { RoleSettings } from '../settings/settings.ts';

/**
 * When an engine counts as started, alive and ready. It may load for an hour (45 minutes with a supervisor, which
 * answers for all its ranks). Ready means that the model is listed.
 */
export function probesOf({ ports }: RoleSettings): JsonObject {
  const [first = 0] = ports.engine;
  if (ports.supervisor !== undefined) {
    const at = (path: string) => ({ httpGet: { path, port: ports.supervisor } });
    return {
      startupProbe: { ...at('/health'), periodSeconds: 1, failureThreshold: 2700 },
      livenessProbe: { ...at('/health'), periodSeconds: 30, failureThreshold: 3 },
      readinessProbe: { ...at('/readyz'), periodSeconds: 10, failureThreshold: 3 },
    };
  }
  const at = (path: string) => ({ httpGet: { path, port: first } });
  return {
    startupProbe: {
      ...at('/v1/models'),
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 360,
    },
    livenessProbe: { ...at('/health'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: {
      ...at('/v1/models'),
      periodSeconds: 5,
      timeoutSeconds: 2,
      failureThreshold: 3,
    },
  };
}
