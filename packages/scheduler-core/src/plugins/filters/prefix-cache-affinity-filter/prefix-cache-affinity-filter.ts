// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { Attribute, AttributeReader } from '../../../attribute.ts';
import { inflightLoad } from '../../../attributes/inflight-load.ts';
import { latencyPredictions } from '../../../attributes/latency-predictions.ts';
import { prefixMatches, type PrefixMatches } from '../../../attributes/prefix-matches.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import {
  inFlightLoadProducerName,
  latencyPredictionInfoProducerName,
  prefixMatchInfoProducerName,
} from '../../parameter-fields.ts';
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
    .default('prefillThroughput')
    .describe('Where the time to first token comes from: tokens in flight, or predictions.'),
  peakPrefillThroughput: z
    .number()
    .positive()
    .default(15_928)
    .describe('Tokens per second that an endpoint prefills at best.'),
  prefixMatchInfoProducerName,
  inFlightLoadProducerName,
  latencyPredictionInfoProducerName,
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
    ...(p.maxTTFTPenaltyMs > 0 ? [ttftAttribute(p)] : []),
  ],
  create: (p, { random }) => {
    const matchesAttribute = prefixMatches(p.prefixMatchInfoProducerName);
    const waitFrom = waitReader(p);
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
            isSticky: (endpoint) => isSticky(endpoint, matches, p),
            wait: waitFrom(attributes),
          });
          return penaltyMs > p.maxTTFTPenaltyMs ? candidates : sticky;
        },
      },
    };
  },
});

const isSticky = (endpoint: Endpoint, matches: PrefixMatches, p: Parameters): boolean =>
  matches.matchedBlocks(endpoint) / matches.totalBlocks >= p.affinityThreshold;

/** What a request has to wait for on an endpoint, in a unit of its own. */
interface Wait {
  /** Undefined where nothing is known of the endpoint. */
  of(endpoint: Endpoint): number | undefined;
  /** Milliseconds of a difference; scaled last, so that a limit is met to the token. */
  toMs(difference: number): number;
}

const ttftAttribute = (p: Parameters): Attribute<unknown> =>
  p.ttftSource === 'latencyPredictor'
    ? latencyPredictions(p.latencyPredictionInfoProducerName)
    : inflightLoad(p.inFlightLoadProducerName);

function waitReader(p: Parameters): (attributes: AttributeReader) => Wait | undefined {
  if (p.ttftSource === 'latencyPredictor') {
    const attribute = latencyPredictions(p.latencyPredictionInfoProducerName);
    return (attributes) => {
      const predictions = attributes.get(attribute);
      if (predictions === undefined) return undefined;
      return { of: (endpoint) => predictions.of(endpoint)?.ttftMs, toMs: (ms) => ms };
    };
  }
  const attribute = inflightLoad(p.inFlightLoadProducerName);
  const toMs = (tokens: number) => (tokens / p.peakPrefillThroughput) * 1000;
  return (attributes) => {
    const load = attributes.get(attribute);
    return load && { of: (endpoint) => load.tokens(endpoint), toMs };
  };
}

/**
 * How much later the first token comes from the quickest sticky endpoint than from the quickest other one. Infinite
 * where nothing is known of either: affinity must not overrule blindly.
 */
function stickinessCostMs(
  candidates: readonly Endpoint[],
  { isSticky, wait }: { isSticky: (endpoint: Endpoint) => boolean; wait: Wait | undefined },
): number {
  if (wait === undefined) return Infinity;
  let sticky = Infinity;
  let other = Infinity;
  for (const endpoint of candidates) {
    const known = wait.of(endpoint);
    if (known === undefined) continue;
    if (isSticky(endpoint)) sticky = Math.min(sticky, known);
    else other = Math.min(other, known);
  }
  return sticky === Infinity || other === Infinity ? Infinity : wait.toMs(sticky - other);
}
