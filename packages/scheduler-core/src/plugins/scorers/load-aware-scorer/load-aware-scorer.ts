// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';

const parameters = z.strictObject({
  threshold: z
    .int()
    .min(1)
    .default(128)
    .describe('Waiting requests from which on an endpoint scores 0.'),
});

/** Rates every queue on a fixed scale, so that a request's other scorers can outvote a short one. */
export const loadAwareScorer = definePlugin({
  type: 'load-aware-scorer',
  summary: 'Rates the waiting queue on a fixed scale: 0.5 when empty, 0 at the threshold.',
  stability: 'beta',
  points: ['scorer'],
  parameters,
  scores: () => ({ range: [0, 0.5], scale: 'absolute' }),
  create: ({ threshold }) => ({
    scorer: { score: (_cycle, candidates) => freeQueue(candidates, threshold) },
  }),
});

function freeQueue(candidates: readonly Endpoint[], threshold: number): Float64Array {
  const scores = new Float64Array(candidates.length);
  for (let i = 0; i < scores.length; i++) {
    const { metrics, reservedRequests } = candidates[i] as Endpoint;
    const waiting = Math.min(metrics.waitingRequests + reservedRequests, threshold);
    scores[i] = 0.5 * (1 - waiting / threshold);
  }
  return scores;
}
