// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';
import { labelOf } from '../../label-value.ts';

const parameters = z.strictObject({
  headerName: z.string().min(1).describe('Request header that says what is wanted.'),
  labelKey: z.string().min(1).describe('Label that says what an endpoint is.'),
});

/** Prefers the endpoints whose label has the value that the request's header asks for. */
export const headerLabelAffinityScorer = definePlugin({
  type: 'header-label-affinity-scorer',
  summary: 'Gives 1 to the endpoints whose label equals a request header and 0 to all others.',
  stability: 'alpha',
  points: ['scorer'],
  parameters,
  scores: () => ({ range: [0, 1], scale: 'steps' }),
  create: ({ headerName, labelKey }) => {
    const header = headerName.toLowerCase();
    return {
      scorer: {
        score: ({ request }, candidates) => {
          const scores = new Float64Array(candidates.length);
          const wanted = request.headers.get(header) ?? '';
          if (wanted === '') return scores;
          return scores.map((_, i) => {
            const endpoint = candidates[i];
            return endpoint !== undefined && labelOf(endpoint, labelKey) === wanted ? 1 : 0;
          });
        },
      },
    };
  },
});
