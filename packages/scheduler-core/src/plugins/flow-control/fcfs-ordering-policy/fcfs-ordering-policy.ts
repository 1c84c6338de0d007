// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

/** First come, first served. */
export const fcfsOrderingPolicy = definePlugin({
  type: 'fcfs-ordering-policy',
  summary: 'Serves the requests of a flow in the order in which they began to wait.',
  stability: 'beta',
  points: ['ordering-policy'],
  parameters: noParameters,
  create: () => ({
    orderingPolicy: {
      compare: (a, b) => a.enqueuedMs - b.enqueuedMs || a.sequence - b.sequence,
    },
  }),
});
