// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

/** The lowest priority goes first; among equals the newest, which has cost the least. */
export const evictionPriorityThenTimeOrdering = definePlugin({
  type: 'eviction-priority-then-time-ordering',
  summary: 'Ends the request of the lowest priority first, among equals the newest.',
  stability: 'alpha',
  points: ['eviction-ordering'],
  parameters: noParameters,
  create: () => ({
    evictionOrdering: {
      compare: (a, b) => a.priority - b.priority || b.placedMs - a.placedMs,
    },
  }),
});
