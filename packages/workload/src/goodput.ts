// SPDX-License-Identifier: Apache-2.0
import type { RequestRecord } from './request-record.ts';

/** What a request must keep to count as good; a missing bound binds nothing. */
export interface ServiceLevel {
  /** Longest time to first token, from the intended instant. */
  readonly ttftMs?: number;
  /** Longest mean time per output token after the first. */
  readonly tpotMs?: number;
}

/** The requests that kept a service level. */
export interface Goodput {
  readonly serviceLevel: ServiceLevel;
  readonly requests: number;
  /** Of all requests, failed ones included; 0 to 1. */
  readonly share: number;
  readonly requestsPerSecond: number;
}

/** Counts the requests that went well within the level. A time that a request does not have breaks no bound. */
export function goodput(
  records: readonly RequestRecord[],
  serviceLevel: ServiceLevel,
  durationMs: number,
): Goodput {
  const { ttftMs = Infinity, tpotMs = Infinity } = serviceLevel;
  const requests = records.filter(
    (record) =>
      record.failure === undefined &&
      (record.ttftMs ?? 0) <= ttftMs &&
      (record.tpotMs ?? 0) <= tpotMs,
  ).length;
  return {
    serviceLevel,
    requests,
    share: records.length === 0 ? 0 : requests / records.length,
    requestsPerSecond: durationMs > 0 ? (requests / durationMs) * 1000 : 0,
  };
}
