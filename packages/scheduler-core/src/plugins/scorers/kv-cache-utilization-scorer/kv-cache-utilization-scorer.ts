// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

/** Prefers free KV cache. */
export const kvCacheUtilizationScorer = definePlugin({
  type: 'kv-cache-utilization-scorer',
  summary: 'Prefers the endpoint with the most free KV cache.',
  stability: 'beta',
  points: ['scorer'],
  parameters: noParameters,
  create: () => ({ scorer: { score: (_cycle, candidates) => freeShares(candidates) } }),
});

function freeShares(candidates: readonly Endpoint[]): number[] {
  const scores = new Array<number>(candidates.length);
  for (let i = 0; i < scores.length; i++) {
    scores[i] = 1 - (candidates[i] as Endpoint).metrics.kvCacheUsage;
  }
  return scores;
}
