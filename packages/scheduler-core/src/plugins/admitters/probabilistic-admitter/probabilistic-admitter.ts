// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { Endpoint } from '../../../endpoint.ts';
import type { Admission } from '../../../plugin-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';

const positive = z.number().positive();

const parameters = z.strictObject({
  queueDepthThreshold: z
    .int()
    .min(1)
    .default(5)
    .describe('Waiting requests at which an endpoint counts as saturated.'),
  kvCacheUtilThreshold: positive
    .default(0.8)
    .describe('Share of KV blocks in use at which an endpoint counts as saturated.'),
  power: positive.default(5).describe('How steeply refusals grow with saturation.'),
  k: positive.default(300).describe('Factor on the probability of a refusal.'),
});
type Parameters = z.infer<typeof parameters>;

const ADMITTED: Admission = { admitted: true };

/** Sheds requests of negative priority the more often the fuller the endpoints are. */
export const probabilisticAdmitter = definePlugin({
  type: 'probabilistic-admitter',
  summary: 'Refuses requests of negative priority with a probability that grows with saturation.',
  stability: 'beta',
  points: ['admitter'],
  parameters,
  create: (p, { random }) => ({
    admitter: {
      admit: ({ request }, candidates) => {
        if (request.priority >= 0 || candidates.length === 0) return ADMITTED;
        const saturation = saturationOf(candidates, p);
        const probability = Math.min(saturation ** p.power * p.k, 1);
        if (random.next() >= probability) return ADMITTED;
        const figures = `saturation ${saturation.toFixed(3)}, probability of refusal ${probability.toFixed(2)}`;
        return { admitted: false, status: 429, message: `the endpoints are too busy (${figures})` };
      },
    },
  }),
});

/** Mean over the endpoints of how close each is to its nearer bound; 1 is at the bound. */
function saturationOf(
  candidates: readonly Endpoint[],
  { queueDepthThreshold, kvCacheUtilThreshold }: Parameters,
): number {
  let total = 0;
  for (const { metrics } of candidates) {
    total += Math.max(
      metrics.waitingRequests / queueDepthThreshold,
      metrics.kvCacheUsage / kvCacheUtilThreshold,
    );
  }
  return total / candidates.length;
}
