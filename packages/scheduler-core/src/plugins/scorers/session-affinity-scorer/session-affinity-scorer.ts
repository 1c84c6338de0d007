// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { sessionAffinityParameters } from '../../session-affinity/session-affinity-parameters.ts';
import {
  createSessionAffinity,
  sessionAttributes,
} from '../../session-affinity/session-affinity.ts';

/** Prefers the endpoint that served the session before. */
export const sessionAffinityScorer = definePlugin({
  type: 'session-affinity-scorer',
  summary: 'Gives 1 to the endpoint that served the session before and 0 to all others.',
  stability: 'alpha',
  points: ['scorer', 'pre-request', 'response'],
  parameters: sessionAffinityParameters,
  consumes: sessionAttributes,
  scores: () => ({ range: [0, 1], scale: 'steps' }),
  create: (p) => {
    const affinity = createSessionAffinity(p);
    return {
      ...affinity.hooks,
      scorer: {
        score: (cycle, candidates) => {
          const scores = new Float64Array(candidates.length);
          const bound = affinity.indexOfBound(cycle, candidates);
          if (bound >= 0) scores[bound] = 1;
          return scores;
        },
      },
    };
  },
});
