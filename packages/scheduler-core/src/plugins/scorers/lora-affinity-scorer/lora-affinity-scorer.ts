// SPDX-License-Identifier: Apache-2.0
import type { EngineMetrics } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

/** Prefers the endpoints that have the request's LoRA adapter loaded, or room for it. */
export const loraAffinityScorer = definePlugin({
  type: 'lora-affinity-scorer',
  summary: 'Prefers endpoints that have the LoRA adapter loaded, then those with room for it.',
  stability: 'beta',
  points: ['scorer'],
  parameters: noParameters,
  scores: () => ({ range: [0, 1], scale: 'steps' }),
  create: () => ({
    scorer: {
      score: ({ request }, candidates) =>
        Float64Array.from(candidates, ({ metrics }) => rate(metrics, request.targetModel)),
    },
  }),
});

function rate({ activeLoras, waitingLoras, maxLoras }: EngineMetrics, adapter: string): number {
  if (activeLoras.includes(adapter)) return 1;
  if (activeLoras.length + waitingLoras.length < maxLoras) return 0.8;
  return waitingLoras.includes(adapter) ? 0.6 : 0;
}
