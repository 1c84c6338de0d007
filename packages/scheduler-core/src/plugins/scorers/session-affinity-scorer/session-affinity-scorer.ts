// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../../../attribute.ts';
import type { SchedulingCycle } from '../../../cycle.ts';
import type { Endpoint } from '../../../endpoint.ts';
import type { Plugin } from '../../../plugin-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import type { SchedulingResult } from '../../../scheduling-result.ts';
import {
  sessionAffinityParameters,
  type SessionAffinityParameters,
  type SessionSource,
} from './session-affinity-parameters.ts';
import { SessionBindings } from './session-bindings.ts';

/** Prefers the endpoint that served the session before. */
export const sessionAffinityScorer = definePlugin({
  type: 'session-affinity-scorer',
  summary: 'Gives 1 to the endpoint that served the session before and 0 to all others.',
  stability: 'alpha',
  points: ['scorer', 'pre-request', 'response'],
  parameters: sessionAffinityParameters,
  consumes: (p) =>
    p.strategy === 'session_id' ? p.sessionIdConfig.sources.flatMap(attributesOf) : [],
  create: (p) => (p.strategy === 'session_id' ? bySessionId(p) : byEncodedEndpoint(p)),
});

/** Stateless: the client sends back, in a header, what it got with its last answer. */
function byEncodedEndpoint(p: SessionAffinityParameters): Plugin {
  const header = p.encodedEndpointHeaderConfig.header.toLowerCase();
  return {
    scorer: {
      score: ({ request }, candidates) => {
        const token = request.headers.get(header);
        return pin(candidates, token === undefined ? undefined : decode(token));
      },
    },
    response: {
      responseHeaders: ({ result }, _headers, clientHeaders) => {
        const served = choiceOf(result, p.profileName);
        if (served !== undefined) clientHeaders.set(header, encode(served.id));
      },
    },
  };
}

/** Stateful: the client names its session, and the binding lives here. */
function bySessionId(p: SessionAffinityParameters): Plugin {
  const { sources, evictionTtlSeconds, evictionSweepSeconds, maxSessions } = p.sessionIdConfig;
  const bindings = new SessionBindings({
    ttlMs: evictionTtlSeconds * 1000,
    sweepMs: evictionSweepSeconds * 1000,
    maxSessions,
  });
  const readers = sources.map(readerOf);
  const sessionOf = (cycle: SchedulingCycle): string | undefined => {
    for (const read of readers) {
      const session = read(cycle);
      if (session !== undefined && session !== '') return session;
    }
    return undefined;
  };
  return {
    scorer: {
      score: (cycle, candidates) => {
        const session = sessionOf(cycle);
        return pin(candidates, session && bindings.endpointOf(session, cycle.nowMs));
      },
    },
    preRequest: {
      preRequest: (cycle, result) => {
        const session = sessionOf(cycle);
        const chosen = choiceOf(result, p.profileName);
        if (session === undefined || chosen === undefined) return;
        bindings.bind(session, chosen.id, cycle.nowMs);
      },
    },
  };
}

function pin(candidates: readonly Endpoint[], endpointId: string | undefined): Float64Array {
  const scores = new Float64Array(candidates.length);
  if (endpointId === undefined) return scores;
  const pinned = candidates.findIndex(({ id }) => id === endpointId);
  if (pinned >= 0) scores[pinned] = 1;
  return scores;
}

const choiceOf = (result: SchedulingResult, profile: string): Endpoint | undefined =>
  profile === '' ? result.endpoints[0] : result.outcomes.get(profile)?.picked[0];

const encode = (endpointId: string): string => Buffer.from(endpointId).toString('base64');
// Nonsense decodes to an id that no endpoint has.
const decode = (token: string): string => Buffer.from(token, 'base64').toString();

function attributesOf(source: SessionSource): Attribute<string>[] {
  const { attribute: name, producer } = source;
  return name === undefined || producer === undefined ? [] : [attribute(name, producer)];
}

function readerOf(source: SessionSource): (cycle: SchedulingCycle) => string | undefined {
  const [sessionId] = attributesOf(source);
  if (sessionId !== undefined) return ({ attributes }) => attributes.get(sessionId);
  const header = source.header?.toLowerCase() ?? '';
  return ({ request }) => request.headers.get(header);
}
