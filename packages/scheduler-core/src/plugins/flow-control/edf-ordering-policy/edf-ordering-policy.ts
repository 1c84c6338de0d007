// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';
import { compareDeadlines } from '../compare-deadlines.ts';

/** Earliest deadline first. */
export const edfOrderingPolicy = definePlugin({
  type: 'edf-ordering-policy',
  summary: 'Serves first the request of a flow whose time to wait ends first.',
  stability: 'beta',
  points: ['ordering-policy'],
  parameters: noParameters,
  create: () => ({
    orderingPolicy: {
      compare: (a, b) =>
        compareDeadlines(a.expiresMs, b.expiresMs) ||
        a.enqueuedMs - b.enqueuedMs ||
        a.sequence - b.sequence,
    },
  }),
});
