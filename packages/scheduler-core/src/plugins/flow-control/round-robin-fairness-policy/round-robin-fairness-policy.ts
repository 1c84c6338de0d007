// SPDX-License-Identifier: Apache-2.0
import type { FlowChooser, WaitingFlow } from '../../../flow-control-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';
import { IndexedHeap } from '../indexed-heap.ts';

/** One request of every flow in turn. While a flow waits for its turn, no other has more than one. */
export const roundRobinFairnessPolicy = definePlugin({
  type: 'round-robin-fairness-policy',
  summary: 'Serves the flows of a band in turn, one request each.',
  stability: 'beta',
  points: ['fairness-policy'],
  parameters: noParameters,
  create: () => ({ fairnessPolicy: { forBand: createRing } }),
});

/** Flows by the number of their turn; who was served or is new takes the last one. */
function createRing(): FlowChooser {
  const turns = new Map<WaitingFlow, number>();
  let lastTurn = 0;
  const ring = new IndexedHeap<WaitingFlow>((a, b) => (turns.get(a) ?? 0) - (turns.get(b) ?? 0));
  return {
    added: (flow) => {
      turns.set(flow, ++lastTurn);
      ring.add(flow);
    },
    changed: () => undefined,
    removed: (flow) => {
      ring.remove(flow);
      turns.delete(flow);
    },
    choose: () => ring.first,
    taken: (flow) => {
      turns.set(flow, ++lastTurn);
      ring.update(flow);
    },
  };
}
