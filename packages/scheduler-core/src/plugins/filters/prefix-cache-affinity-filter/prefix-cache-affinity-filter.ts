// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { inflightLoad, type InflightLoad } from '../../../attributes/inflight-load.ts';
import { prefixMatches, type PrefixMatches } from '../../../attributes/prefix-matches.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { inFlightLoadProducerName, prefixMatchInfoProducerName } from '../../parameter-fields.ts';
import { keepWhere } from '../keep-where.ts';

const parameters = z.strictObject({
  affinityThreshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.8)
    .describe('Share of the prompt an endpoint must hold to be sticky.'),
  explorationProbability: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Probability with which a request ignores stickiness, to warm other endpoints.'),
  maxTTFTPenaltyMs: z
    .number()
    .min(0)
    .default(18_000)
    .describe('Extra time to first token (ms) that stickiness may cost; 0 = any.'),
  ttftSource: z
    .enum(['prefillThroughput', 'latencyPredictor'])
    .refine((source) => source !== 'latencyPredictor', {
      error: 'latencyPredictor is known to llm-d-router v0.10.0, not available yet',
    })
    .default('prefillThroughput')
    .describe('Where the time to first token comes from; latencyPredictor is not available yet.'),
  peakPrefillThroughput: z
    .number()
    .positive()
    .default(15_928)
    .describe('Tokens per second that an endpoint prefills at best.'),
  prefixMatchInfoProducerName,
  inFlightLoadProducerName,
  latencyPredictionInfoProducerName: z
    .string()
    .optional()
    .describe('Without effect while latencyPredictor is not available.'),
});

type Parameters = z.infer<typeof parameters>;

/** Keeps a request with the endpoints that have its prefix, until they are too busy for it. */
export const prefixCacheAffinityFilter = definePlugin({
  type: 'prefix-cache-affinity-filter',
  summary:
    'Keeps the endpoints that hold the prompt in their cache, unless the wait there is too long.',
  stability: 'beta',
  points: ['filter'],
  parameters,
  consumes: (p) => [
    prefixMatches(p.prefixMatchInfoProducerName),
    ...(p.maxTTFTPenaltyMs > 0 ? [inflightLoad(p.inFlightLoadProducerName)] : []),
  ],
  create: (p, { random }) => {
    const matchesAttribute = prefixMatches(p.prefixMatchInfoProducerName);
    const loadAttribute = inflightLoad(p.inFlightLoadProducerName);
    return {
      filter: {
        filter: ({ attributes }, candidates) => {
          const matches = attributes.get(matchesAttribute);
          if (matches === undefined || matches.totalBlocks === 0) return candidates;
          if (p.explorationProbability > random.next()) return candidates;
          const sticky = keepWhere(candidates, (endpoint) => isSticky(endpoint, matches, p));
          if (sticky.length === 0 || sticky.length === candidates.length) return candidates;
          if (p.maxTTFTPenaltyMs === 0) return sticky;
          const penaltyMs = stickinessCostMs(candidates, {
            ...p,
            matches,
            load: attributes.get(loadAttribute),
          });
          return penaltyMs > p.maxTTFTPenaltyMs ? candidates : sticky;
        },
      },
    };
  },
});

const isSticky = (endpoint: Endpoint, matches: PrefixMatches, p: Parameters): boolean =>
  matches.matchedBlocks(endpoint) / matches.totalBlocks >= p.affinityThreshold;

interface Wait extends Parameters {
  readonly matches: PrefixMatches;
  readonly load: InflightLoad | undefined;
}

/**
 * How much later the first token comes from the least busy sticky endpoint than from the least busy
 * other one. Infinite where nothing is known about load: affinity must not overrule blindly.
 */
function stickinessCostMs(candidates: readonly Endpoint[], wait: Wait): number {
  const { load, matches, peakPrefillThroughput } = wait;
  if (load === undefined) return Infinity;
  let stickyTokens = Infinity;
  let otherTokens = Infinity;
  for (const endpoint of candidates) {
    const tokens = load.tokens(endpoint);
    if (isSticky(endpoint, matches, wait)) stickyTokens = Math.min(stickyTokens, tokens);
    else otherTokens = Math.min(otherTokens, tokens);
  }
  return ((stickyTokens - otherTokens) / peakPrefillThroughput) * 1000;
}
