// SPDX-License-Identifier: Apache-2.0
import type { Fleet } from './fleet.ts';

/** One member as the endpoint picker sees it, as plain data. */
export interface EndpointDescription {
  readonly endpoint: string;
  readonly name: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Why it gets no requests at the moment; null where it does. */
  readonly ejected: string | null;
  /** Age of its metrics; null where it has never been scraped. */
  readonly metricsAgeMs: number | null;
  readonly waitingRequests: number;
  readonly runningRequests: number;
  readonly kvCacheUsage: number;
  readonly reservedRequests: number;
}

/** Every member with what is known of it, in the order of discovery. */
export function describeFleet(fleet: Fleet, nowMs: number): readonly EndpointDescription[] {
  return fleet.snapshot().map(({ id, name, hostPort, labels, metrics, reservedRequests }) => {
    const ejection = fleet.ejectionOf(id);
    return {
      endpoint: id,
      name,
      address: hostPort,
      labels,
      ejected: ejection !== undefined && ejection.untilMs > nowMs ? ejection.reason : null,
      metricsAgeMs: metrics.updatedAtMs === undefined ? null : nowMs - metrics.updatedAtMs,
      waitingRequests: metrics.waitingRequests,
      runningRequests: metrics.runningRequests,
      kvCacheUsage: metrics.kvCacheUsage,
      reservedRequests,
    };
  });
}
