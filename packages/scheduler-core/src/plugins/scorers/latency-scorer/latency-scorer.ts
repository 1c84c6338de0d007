// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { latencyPredictions } from '../../../attributes/latency-predictions.ts';
import { prefixMatches, type PrefixMatches } from '../../../attributes/prefix-matches.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import {
  latencyPredictionInfoProducerName,
  prefixMatchInfoProducerName,
} from '../../parameter-fields.ts';
import { scoreHeadroom } from './headroom-scores.ts';

const weight = (value: number, what: string) =>
  z.number().min(0).default(value).describe(`Weight of ${what}.`);

const parameters = z.strictObject({
  ttftWeight: weight(0.8, 'the headroom to the first token'),
  tpotWeight: weight(0.2, 'the headroom for each further token'),
  headroomSelectionStrategy: z
    .enum(['least', 'most'])
    .default('least')
    .describe('Fill endpoints up to their objective (least), or keep as far from it as possible.'),
  compositeKVWeight: weight(1, 'free KV cache where nothing is predicted'),
  compositeQueueWeight: weight(1, 'a short queue where nothing is predicted'),
  compositePrefixWeight: weight(1, 'a cached prefix where nothing is predicted'),
  latencyPredictionInfoProducerName,
  prefixMatchInfoProducerName,
});
type Parameters = z.infer<typeof parameters>;

/** Prefers endpoints by predicted latency against the request's objectives. */
export const latencyScorer = definePlugin({
  type: 'latency-scorer',
  summary: 'Prefers endpoints by what predicted latency leaves of the request’s objectives.',
  stability: 'beta',
  points: ['scorer'],
  parameters,
  consumes: (p) => [prefixMatches(p.prefixMatchInfoProducerName)],
  mayConsume: (p) => [latencyPredictions(p.latencyPredictionInfoProducerName)],
  scores: () => ({ range: [0, 1], scale: 'relative' }),
  create: (p) => {
    const predictionsAttribute = latencyPredictions(p.latencyPredictionInfoProducerName);
    const matchesAttribute = prefixMatches(p.prefixMatchInfoProducerName);
    return {
      scorer: {
        score: ({ attributes }, candidates) => {
          const predictor = attributes.get(predictionsAttribute);
          const predictions = candidates.map((endpoint) => predictor?.of(endpoint));
          if (predictions.some((prediction) => prediction !== undefined)) {
            return scoreHeadroom(predictions, p);
          }
          return scoreComposite(candidates, attributes.get(matchesAttribute), p);
        },
      },
    };
  },
});

/** What counts where nothing is predicted: free cache, short queue and cached prefix, in hundredths. */
function scoreComposite(
  candidates: readonly Endpoint[],
  matches: PrefixMatches | undefined,
  p: Parameters,
): Float64Array {
  const sum = p.compositeKVWeight + p.compositeQueueWeight + p.compositePrefixWeight;
  const [kv, queue, prefix] =
    sum > 0
      ? [p.compositeKVWeight / sum, p.compositeQueueWeight / sum, p.compositePrefixWeight / sum]
      : [1, 0, 0];
  const longest = candidates.reduce((max, e) => Math.max(max, e.metrics.waitingRequests), 0);
  return Float64Array.from(candidates, (endpoint) => {
    const { kvCacheUsage, waitingRequests } = endpoint.metrics;
    const shortness = longest > 0 ? (longest - waitingRequests) / longest : 1;
    const held = matches?.totalBlocks ? matches.matchedBlocks(endpoint) / matches.totalBlocks : 0;
    const composite = kv * (1 - kvCacheUsage) + queue * shortness + prefix * held;
    return Math.round(composite * 100) / 100;
  });
}
