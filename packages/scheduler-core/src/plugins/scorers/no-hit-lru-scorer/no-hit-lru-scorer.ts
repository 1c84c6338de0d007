// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { prefixMatches, type PrefixMatches } from '../../../attributes/prefix-matches.ts';
import type { SchedulingCycle } from '../../../cycle.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { prefixMatchInfoProducerName } from '../../parameter-fields.ts';
import { ColdUseOrder } from './cold-use-order.ts';

const parameters = z.strictObject({
  lruSize: z
    .int()
    .min(1)
    .default(1024)
    .describe('Most endpoints whose last cold request is remembered.'),
  prefixMatchInfoProducerName,
  prefixPluginType: z.string().optional().describe('Deprecated, without effect.'),
  prefixPluginName: z.string().optional().describe('Deprecated, without effect.'),
});

/** Profile whose endpoint prefills where prefill and decode are apart. */
const PREFILL_PROFILE = 'prefill';

/** Spreads requests that no cache can help, so that the caches of all endpoints grow alike. */
export const noHitLruScorer = definePlugin({
  type: 'no-hit-lru-scorer',
  summary: 'Gives requests without any cache hit to the endpoint that took one longest ago.',
  stability: 'beta',
  points: ['scorer', 'pre-request'],
  parameters,
  consumes: (p) => [prefixMatches(p.prefixMatchInfoProducerName)],
  scores: () => ({ range: [0, 1], scale: 'relative' }),
  create: (p) => {
    const attribute = prefixMatches(p.prefixMatchInfoProducerName);
    const order = new ColdUseOrder(p.lruSize);
    // What was cold when scored stays cold: by the time of the pick the producer may know better.
    const cold = new WeakSet<SchedulingCycle>();
    return {
      scorer: {
        score: (cycle, candidates) => {
          if (isAnywhere(cycle.attributes.get(attribute), candidates)) {
            return new Float64Array(candidates.length).fill(0.5);
          }
          cold.add(cycle);
          return order.score(candidates);
        },
      },
      preRequest: {
        preRequest: (cycle, result) => {
          if (!cold.delete(cycle)) return;
          order.touch(result.endpoints[0].id);
          const prefill = result.outcomes.get(PREFILL_PROFILE)?.picked[0];
          if (prefill !== undefined) order.touch(prefill.id);
        },
      },
      endpoints: {
        endpointRemoved: ({ id }) => {
          order.forget(id);
        },
      },
    };
  },
});

function isAnywhere(matches: PrefixMatches | undefined, candidates: readonly Endpoint[]): boolean {
  if (matches === undefined) return false;
  return candidates.some((endpoint) => matches.matchedBlocks(endpoint) > 0);
}
