// SPDX-License-Identifier: Apache-2.0
import type { WaitingFlow } from '../../../flow-control-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';
import { IndexedHeap } from '../indexed-heap.ts';

/** No fairness between flows: a band is served as if it were one queue. */
export const globalStrictFairnessPolicy = definePlugin({
  type: 'global-strict-fairness-policy',
  summary: 'Serves a band as one queue in the order of its ordering policy, whoever asks.',
  stability: 'beta',
  points: ['fairness-policy'],
  parameters: noParameters,
  create: () => ({
    fairnessPolicy: {
      forBand: ({ ordering }) => {
        const flows = new IndexedHeap<WaitingFlow>(({ head: a }, { head: b }) =>
          a === undefined || b === undefined
            ? Number(a === undefined) - Number(b === undefined)
            : ordering.compare(a, b) || a.sequence - b.sequence,
        );
        return {
          added: (flow) => {
            flows.add(flow);
          },
          changed: (flow) => {
            flows.update(flow);
          },
          removed: (flow) => {
            flows.remove(flow);
          },
          choose: () => flows.first,
        };
      },
    },
  }),
});
