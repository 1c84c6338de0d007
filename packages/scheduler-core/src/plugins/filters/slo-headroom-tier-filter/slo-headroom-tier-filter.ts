// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import {
  latencyPredictions,
  meetsObjectives,
  type LatencyPredictions,
} from '../../../attributes/latency-predictions.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { latencyPredictionInfoProducerName } from '../../parameter-fields.ts';

const parameters = z.strictObject({
  epsilonExploreNeg: z
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe(
      'Probability with which the endpoints that will miss the objectives are kept instead, so that they are heard of again.',
    ),
  latencyPredictionInfoProducerName,
});

/** Keeps the endpoints that are expected to meet the request's latency objectives. */
export const sloHeadroomTierFilter = definePlugin({
  type: 'slo-headroom-tier-filter',
  summary: 'Keeps the endpoints that are expected to meet the latency objectives, where any is.',
  stability: 'beta',
  points: ['filter'],
  parameters,
  consumes: (p) => [latencyPredictions(p.latencyPredictionInfoProducerName)],
  create: (p, { random }) => {
    const attribute = latencyPredictions(p.latencyPredictionInfoProducerName);
    return {
      filter: {
        filter: ({ attributes }, candidates) => {
          const predictions = attributes.get(attribute);
          if (predictions === undefined || candidates.length < 2) return candidates;
          const { good, bad } = split(candidates, predictions);
          if (good.length === 0 || bad.length === 0) return candidates;
          return random.next() < p.epsilonExploreNeg ? bad : good;
        },
      },
    };
  },
});

/** An endpoint that nothing is predicted for cannot be counted on. */
function split(candidates: readonly Endpoint[], predictions: LatencyPredictions) {
  const good: Endpoint[] = [];
  const bad: Endpoint[] = [];
  for (const endpoint of candidates) {
    const prediction = predictions.of(endpoint);
    (prediction !== undefined && meetsObjectives(prediction) ? good : bad).push(endpoint);
  }
  return { good, bad };
}
