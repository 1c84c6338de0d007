// SPDX-License-Identifier: Apache-2.0
import { destinationEndpointKey, isSystemOwnedHeader, type Picked } from '@llm-d/endpoint-picker';
import type { HeaderValueOptionInit, ProcessingResponseInit } from '@llm-d/protos';
import type { SchedulingResult } from '@llm-d/scheduler-core';
import { destinationMetadata } from './envoy-metadata.ts';
import { setHeader } from './header-map.ts';
import type { Inbound, ReadyRequest } from './inbound.ts';
import type { SessionSettings } from './session-context.ts';

/** The message that sends a request to its place. */
export function requestAnswer(
  inbound: Inbound,
  ready: ReadyRequest,
  { picked, settings }: { readonly picked: Picked; readonly settings: SessionSettings },
): ProcessingResponseInit {
  const [first] = picked.endpoints;
  const all = settings.destinationFallbacks ? picked.endpoints : [first];
  const destination = all.map(({ hostPort }) => hostPort).join(',');
  const scores = settings.emitEndpointScores ? scoresOf(picked.result) : undefined;
  return {
    requestHeaders: {
      response: {
        clearRouteCache: true,
        headerMutation: {
          setHeaders: [
            setHeader(destinationEndpointKey, destination),
            ...(ready.bodyBytes > 0
              ? [setHeader('Content-Length', String(ready.bodyBytes))]
              : NO_HEADERS),
            ...upstreamHeaders(inbound, picked, settings),
          ],
          removeHeaders: removedHeaders(inbound, picked),
        },
      },
    },
    dynamicMetadata: destinationMetadata(destination, scores),
  };
}

const NO_HEADERS: readonly HeaderValueOptionInit[] = [];

function upstreamHeaders(
  { headers, id, hasOwnId }: Inbound,
  { upstreamHeaders: added }: Picked,
  { repeatsHeaders }: SessionSettings,
): readonly HeaderValueOptionInit[] {
  const set: HeaderValueOptionInit[] = [];
  for (const [name, value] of added) set.push(setHeader(name, value));
  if (hasOwnId || !repeatsHeaders) set.push(setHeader('x-request-id', id));
  if (!repeatsHeaders) return set;
  for (const [name, value] of headers) {
    if (!isSystemOwnedHeader(name) && !added.has(name) && !name.startsWith(':')) {
      set.push(setHeader(name, value));
    }
  }
  return set;
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
