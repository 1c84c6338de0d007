// SPDX-License-Identifier: Apache-2.0
import type { EndpointIdentity } from '@llm-d/scheduler-core';

/** Metadata namespace in which a proxy says which endpoints a request may go to. */
export const subsetHintNamespace = 'envoy.lb.subset_hint';
/** Its key; the value is a list, or a comma-separated text, of `address` or `address:port`. */
export const subsetHintKey = 'x-gateway-destination-endpoint-subset';

/** Whether an endpoint is one that a request may go to. */
export type Eligibility = (endpoint: EndpointIdentity) => boolean;

/**
 * The endpoints that a hint names. An entry with a port means that endpoint, one without means every port of the
 * address. A hint that names nothing lets nothing through, as the protocol wants it.
 */
export function eligibilityOf(hint: string | readonly string[]): Eligibility {
  const entries = (typeof hint === 'string' ? hint.split(',') : hint).map((entry) =>
    entry.trim().replace(/^\[([^\]]*)\]$/, '$1'),
  );
  const named = new Set(entries.filter((entry) => entry !== ''));
  return ({ address, hostPort }) => named.has(hostPort) || named.has(address);
}
