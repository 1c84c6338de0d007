// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { prefixMatches, type PrefixMatches } from '../../../attributes/prefix-matches.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { prefixMatchInfoProducerName } from '../../parameter-fields.ts';

const parameters = z.strictObject({
  prefixMatchInfoProducerName,
  matchLengthWeight: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      'Share of the score that the absolute length of the match gets; the rest goes to its ratio.',
    ),
  matchLengthScaleTokens: z
    .number()
    .positive()
    .default(8192)
    .describe('Matched tokens at which the length part of the score is full.'),
});

/** Prefers the endpoint that holds most of the prompt in its KV cache. */
export const prefixCacheScorer = definePlugin({
  type: 'prefix-cache-scorer',
  summary: 'Prefers the endpoint that holds the longest prefix of the prompt in its KV cache.',
  stability: 'beta',
  points: ['scorer'],
  parameters,
  consumes: (p) => [prefixMatches(p.prefixMatchInfoProducerName)],
  create: (p) => {
    const attribute = prefixMatches(p.prefixMatchInfoProducerName);
    return {
      scorer: {
        score: (cycle, candidates) => scoreMatches(candidates, cycle.attributes.get(attribute), p),
      },
    };
  },
});

function scoreMatches(
  candidates: readonly Endpoint[],
  matches: PrefixMatches | undefined,
  { matchLengthWeight, matchLengthScaleTokens }: z.infer<typeof parameters>,
): number[] {
  const scores = new Array<number>(candidates.length);
  if (matches === undefined || matches.totalBlocks === 0) return scores.fill(0);
  const { totalBlocks, blockSizeTokens } = matches;
  for (let i = 0; i < scores.length; i++) {
    const matched = matches.matchedBlocks(candidates[i] as Endpoint);
    const length = Math.min(1, (matched * blockSizeTokens) / matchLengthScaleTokens);
    scores[i] =
      matchLengthWeight * length * length + ((1 - matchLengthWeight) * matched) / totalBlocks;
  }
  return scores;
}
