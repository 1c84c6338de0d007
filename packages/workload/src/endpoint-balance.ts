// SPDX-License-Identifier: Apache-2.0
import type { RequestRecord } from './request-record.ts';

/** What one model server did. */
export interface EndpointShare {
  readonly endpoint: string;
  readonly requests: number;
  /** Prompt and answer tokens together. */
  readonly tokens: number;
}

/** How evenly the work was spread. */
export interface EndpointBalance {
  /** By name. */
  readonly endpoints: readonly EndpointShare[];
  /** Most requests of one server, over the mean; 1 is even. */
  readonly requestImbalance: number;
  /** Most tokens of one server, over the mean; 1 is even. */
  readonly tokenImbalance: number;
}

/**
 * Spread of these requests over the servers that answered and those of `known` that did not.
 * Undefined when no answer says who gave it.
 */
export function endpointBalance(
  records: readonly RequestRecord[],
  known: readonly string[] = [],
): EndpointBalance | undefined {
  const shares = new Map(known.map((endpoint) => [endpoint, { endpoint, requests: 0, tokens: 0 }]));
  let answered = 0;
  for (const { endpoint, promptTokens, inputTokens, outputTokens } of records) {
    if (endpoint === undefined) continue;
    const share = shares.get(endpoint) ?? { endpoint, requests: 0, tokens: 0 };
    shares.set(endpoint, share);
    share.requests++;
    share.tokens += (promptTokens ?? inputTokens) + outputTokens;
    answered++;
  }
  if (answered === 0) return undefined;
  const endpoints = [...shares.values()].sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
  return {
    endpoints,
    requestImbalance: imbalance(endpoints.map(({ requests }) => requests)),
    tokenImbalance: imbalance(endpoints.map(({ tokens }) => tokens)),
  };
}

const imbalance = (values: readonly number[]): number =>
  (Math.max(...values) * values.length) / values.reduce((a, b) => a + b, 0);
