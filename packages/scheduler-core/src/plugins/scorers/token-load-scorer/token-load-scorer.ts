// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inflightLoad, type InflightLoad } from '../../../attributes/inflight-load.ts';
import { prefixMatches, type PrefixMatches } from '../../../attributes/prefix-matches.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { inFlightLoadProducerName, prefixMatchInfoProducerName } from '../../parameter-fields.ts';

const parameters = z.strictObject({
  queueThresholdTokens: z
    .number()
    .positive()
    .default(4_194_304)
    .describe('Tokens of prefill work from which on an endpoint scores 0.'),
  inFlightLoadProducerName,
  prefixMatchInfoProducerName: prefixMatchInfoProducerName.describe(
    "Name of the data producer that says how much of this request's prompt an endpoint has cached.",
  ),
});

/** Prefers the endpoint with the least prefill work ahead of this request, this request included. */
export const tokenLoadScorer = definePlugin({
  type: 'token-load-scorer',
  summary: 'Prefers the endpoint with the fewest uncached tokens in flight, this request included.',
  stability: 'beta',
  points: ['scorer'],
  parameters,
  consumes: (p) => [
    inflightLoad(p.inFlightLoadProducerName),
    prefixMatches(p.prefixMatchInfoProducerName),
  ],
  create: (p) => {
    const load = inflightLoad(p.inFlightLoadProducerName);
    const matches = prefixMatches(p.prefixMatchInfoProducerName);
    return {
      scorer: {
        score: ({ attributes }, candidates) =>
          scoreWork(candidates, {
            load: attributes.get(load),
            matches: attributes.get(matches),
            threshold: p.queueThresholdTokens,
          }),
      },
    };
  },
});

interface Work {
  readonly load: InflightLoad | undefined;
  readonly matches: PrefixMatches | undefined;
  readonly threshold: number;
}

function scoreWork(candidates: readonly Endpoint[], work: Work): Float64Array {
  const { load, matches, threshold } = work;
  const scores = new Float64Array(candidates.length);
  for (let i = 0; i < scores.length; i++) {
    const endpoint = candidates[i] as Endpoint;
    const tokens = (load?.tokens(endpoint) ?? 0) + uncachedTokens(endpoint, matches);
    scores[i] = 1 - Math.min(tokens, threshold) / threshold;
  }
  return scores;
}

function uncachedTokens(endpoint: Endpoint, matches: PrefixMatches | undefined): number {
  if (matches === undefined) return 0;
  const cached = matches.matchedBlocks(endpoint) * matches.blockSizeTokens;
  return Math.max(0, matches.promptTokens - cached);
}
