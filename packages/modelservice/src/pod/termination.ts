// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';
import type { Termination } from '../settings/settings.ts';
import type { PodTemplate } from './pod.ts';

/**
 * How a pod ends: it is forgotten by routers while `preStop` sleeps, then the engine drains (its own flag), and the
 * grace period covers both, so that nobody is cut off.
 */
export function terminationPatch(
  { preStopSeconds, graceSeconds }: Termination,
  container: string,
  sleepAction: boolean,
): PodTemplate {
  const pause: JsonObject = sleepAction
    ? { sleep: { seconds: preStopSeconds } }
    : { exec: { command: ['sleep', String(preStopSeconds)] } };
  return {
    spec: {
      terminationGracePeriodSeconds: graceSeconds,
      containers: preStopSeconds > 0 ? [{ name: container, lifecycle: { preStop: pause } }] : [],
    },
  };
}
