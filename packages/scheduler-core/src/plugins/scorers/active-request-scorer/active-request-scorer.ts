// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inflightLoad, type InflightLoad } from '../../../attributes/inflight-load.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { inFlightLoadProducerName } from '../../parameter-fields.ts';

const parameters = z.strictObject({
  idleThreshold: z
    .int()
    .min(0)
    .default(0)
    .describe('Requests in flight up to which an endpoint counts as idle and scores 1.'),
  maxBusyScore: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Score that a busy endpoint approaches; below 1 it sets idle endpoints apart.'),
  inFlightLoadProducerName,
  requestTimeout: z
    .union([z.string(), z.number()])
    .optional()
    .describe('Deprecated, without effect: a request ends when its response does.'),
});

/** Prefers the endpoint with the fewest requests in flight, as counted here rather than scraped. */
export const activeRequestScorer = definePlugin({
  type: 'active-request-scorer',
  summary: 'Prefers the endpoint with the fewest requests in flight, counted on dispatch.',
  stability: 'beta',
  points: ['scorer'],
  parameters,
  consumes: (p) => [inflightLoad(p.inFlightLoadProducerName)],
  scores: () => ({ range: [0, 1], scale: 'relative' }),
  create: (p) => {
    const attribute = inflightLoad(p.inFlightLoadProducerName);
    return {
      scorer: {
        score: (cycle, candidates) => scoreRequests(candidates, cycle.attributes.get(attribute), p),
      },
    };
  },
});

function scoreRequests(
  candidates: readonly Endpoint[],
  load: InflightLoad | undefined,
  { idleThreshold, maxBusyScore }: z.infer<typeof parameters>,
): Float64Array {
  const scores = new Float64Array(candidates.length);
  if (load === undefined) return scores.fill(1);
  let most = 0;
  for (let i = 0; i < scores.length; i++) {
    const requests = load.requests(candidates[i] as Endpoint);
    if (requests > most) most = requests;
    scores[i] = requests;
  }
  for (let i = 0; i < scores.length; i++) {
    const requests = scores[i] ?? 0;
    scores[i] = requests <= idleThreshold ? 1 : ((most - requests) / most) * maxBusyScore;
  }
  return scores;
}
