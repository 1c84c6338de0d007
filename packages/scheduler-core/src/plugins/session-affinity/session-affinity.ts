// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../../attribute.ts';
import type { SchedulingCycle } from '../../cycle.ts';
import type { Endpoint } from '../../endpoint.ts';
import type { Plugin } from '../../plugin-contracts.ts';
import type { SchedulingResult } from '../../scheduling-result.ts';
import type { SessionAffinityParameters, SessionSource } from './session-affinity-parameters.ts';
import { SessionBindings } from './session-bindings.ts';

/** Knows which endpoint a request's session is bound to, and keeps that up to date. */
export interface SessionAffinity {
  /** Place of the session's endpoint among the candidates; -1 where there is none. */
  indexOfBound(cycle: SchedulingCycle, candidates: readonly Endpoint[]): number;
  /** What a plugin has to do besides asking. */
  readonly hooks: Pick<Plugin, 'preRequest' | 'response'>;
}

/** Attributes that are read for a session's id. */
export const sessionAttributes = (p: SessionAffinityParameters): readonly Attribute<string>[] =>
  p.strategy === 'session_id' ? p.sessionIdConfig.sources.flatMap(attributesOf) : [];

/** Affinity by the configured strategy. */
export const createSessionAffinity = (p: SessionAffinityParameters): SessionAffinity =>
  p.strategy === 'session_id' ? bySessionId(p) : byEncodedEndpoint(p);

/** Stateless: the client sends back, in a header, what it got with its last answer. */
function byEncodedEndpoint(p: SessionAffinityParameters): SessionAffinity {
  const header = p.encodedEndpointHeaderConfig.header.toLowerCase();
  return {
    indexOfBound: ({ request }, candidates) => {
      const token = request.headers.get(header);
      return token === undefined ? -1 : indexOfId(candidates, decode(token));
    },
    hooks: {
      response: {
        responseHeaders: ({ result }, _headers, clientHeaders) => {
          const served = choiceOf(result, p.profileName);
          if (served !== undefined) clientHeaders.set(header, encode(served.id));
        },
      },
    },
  };
}

/** Stateful: the client names its session, and the binding lives here. */
function bySessionId(p: SessionAffinityParameters): SessionAffinity {
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
    indexOfBound: (cycle, candidates) => {
      const session = sessionOf(cycle);
      const bound = session && bindings.endpointOf(session, cycle.nowMs);
      return bound === undefined ? -1 : indexOfId(candidates, bound);
    },
    hooks: {
      preRequest: {
        preRequest: (cycle, result) => {
          const session = sessionOf(cycle);
          const chosen = choiceOf(result, p.profileName);
          if (session === undefined || chosen === undefined) return;
          bindings.bind(session, chosen.id, cycle.nowMs);
        },
      },
    },
  };
}

const indexOfId = (candidates: readonly Endpoint[], wanted: string): number =>
  candidates.findIndex(({ id }) => id === wanted);

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
