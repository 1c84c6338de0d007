// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';
import { scoreByReservedLoad } from '../reserved-load.ts';

/** Prefers the shortest waiting queue. */
export const queueScorer = definePlugin({
  type: 'queue-scorer',
  summary: 'Prefers the shortest waiting queue, counting requests placed since the last scrape.',
  stability: 'beta',
  points: ['scorer'],
  parameters: noParameters,
  scores: () => ({ range: [0, 1], scale: 'relative' }),
  create: () => ({
    scorer: {
      score: (_cycle, candidates) =>
        scoreByReservedLoad(candidates, (metrics) => metrics.waitingRequests),
    },
  }),
});
