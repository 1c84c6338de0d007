// SPDX-License-Identifier: Apache-2.0
import { KvEndpointError } from './kv-endpoint-error.ts';

/**
 * Where a data-parallel rank has the socket that rank 0 has at `endpoint`, as vLLM arranges it: the port plus the rank,
 * for events and replays alike, and `_dp<rank>` behind an `inproc://` name.
 */
export function rankEndpoint(endpoint: string, dpRank: number): string {
  if (dpRank === 0) return endpoint;
  if (endpoint.startsWith('inproc://')) return `${endpoint}_dp${dpRank}`;
  const [, base, digits] = /^(tcp:\/\/.+):(\d+)$/.exec(endpoint) ?? [];
  if (base === undefined) throw new KvEndpointError(endpoint, 'has no port to which a rank adds');
  const port = Number(digits) + dpRank;
  if (port > 65_535) throw new KvEndpointError(endpoint, `rank ${dpRank} has no port there`);
  return `${base}:${port}`;
}
