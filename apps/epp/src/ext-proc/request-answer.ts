// SPDX-License-Identifier: Apache-2.0
import { destinationEndpointKey, isSystemOwnedHeader, type Picked } from '@llm-d/endpoint-picker';
import { encodeHeadersResponse } from '@llm-d/protos';
import type { SchedulingResult } from '@llm-d/scheduler-core';
import { destinationMetadata } from './envoy-metadata.ts';
import type { Inbound, ReadyRequest } from './inbound.ts';
import type { SessionSettings } from './session-context.ts';

/** The message that sends a request to its place, in parts. */
export function requestAnswer(
  inbound: Inbound,
  ready: ReadyRequest,
  { picked, settings }: { readonly picked: Picked; readonly settings: SessionSettings },
): readonly Uint8Array[] {
  const destination = destinationOf(picked, settings);
  const scores = settings.emitEndpointScores ? scoresOf(picked.result) : undefined;
  const set = [destinationEndpointKey, destination];
  if (ready.bodyBytes > 0) set.push('Content-Length', String(ready.bodyBytes));
  addUpstreamHeaders(set, inbound, { picked, settings });
  const change = { set, remove: removedHeaders(inbound, picked), clearsRouteCache: true };
  return [
    encodeHeadersResponse('requestHeaders', change),
    destinationMetadata(destination, scores),
  ];
}

const destinationOf = ({ endpoints }: Picked, { destinationFallbacks }: SessionSettings): string =>
  destinationFallbacks
    ? endpoints.map(({ hostPort }) => hostPort).join(',')
    : endpoints[0].hostPort;

function addUpstreamHeaders(
  set: string[],
  { headers, id, hasOwnId }: Inbound,
  { picked, settings }: { readonly picked: Picked; readonly settings: SessionSettings },
): void {
  const { upstreamHeaders: added } = picked;
  const { repeatsHeaders } = settings;
  for (const [name, value] of added) set.push(name, value);
  if (hasOwnId || !repeatsHeaders) set.push('x-request-id', id);
  if (!repeatsHeaders) return;
  for (const [name, value] of headers) {
    if (!isSystemOwnedHeader(name) && !added.has(name) && !name.startsWith(':')) {
      set.push(name, value);
    }
  }
}

/** The proxy removes before it sets, so that what a client forged is gone even where headers are appended. */
const removedHeaders = ({ headers, forged }: Inbound, { removedHeaders: removed }: Picked) =>
  removed.size === 0 ? forged : [...forged, ...[...removed].filter((name) => headers.has(name))];

/** What each candidate of the primary profile scored, by `address:port`. */
function scoresOf({ outcomes, primary }: SchedulingResult): ReadonlyMap<string, number> {
  const outcome = outcomes.get(primary);
  const scores = new Map<string, number>();
  outcome?.scored.forEach(({ hostPort }, i) => scores.set(hostPort, outcome.totals[i] ?? 0));
  return scores;
}
