// SPDX-License-Identifier: Apache-2.0
import type { QueuedRequest } from '../../../flow-control-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';
import { compareDeadlines } from '../compare-deadlines.ts';

/** The request that must answer first goes first; those without an objective follow. */
export const sloDeadlineOrderingPolicy = definePlugin({
  type: 'slo-deadline-ordering-policy',
  summary:
    'Serves first the request of a flow whose first token is due first, by its x-llm-d-slo-ttft-ms.',
  stability: 'beta',
  points: ['ordering-policy'],
  parameters: noParameters,
  create: () => ({
    orderingPolicy: {
      compare: (a, b) =>
        compareDeadlines(deadlineOf(a), deadlineOf(b)) ||
        a.receivedMs - b.receivedMs ||
        a.sequence - b.sequence,
    },
  }),
});

const deadlineOf = ({ receivedMs, ttftObjectiveMs }: QueuedRequest): number =>
  ttftObjectiveMs === undefined ? Infinity : receivedMs + ttftObjectiveMs;
