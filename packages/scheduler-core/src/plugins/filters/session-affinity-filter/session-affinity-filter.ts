// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { sessionAffinityParameters } from '../../session-affinity/session-affinity-parameters.ts';
import {
  createSessionAffinity,
  sessionAttributes,
} from '../../session-affinity/session-affinity.ts';

/** Keeps a session with its endpoint as long as that is there. */
export const sessionAffinityFilter = definePlugin({
  type: 'session-affinity-filter',
  summary: 'Keeps only the endpoint that served the session before, where it is a candidate.',
  stability: 'alpha',
  points: ['filter', 'pre-request', 'response'],
  parameters: sessionAffinityParameters,
  consumes: sessionAttributes,
  create: (p) => {
    const affinity = createSessionAffinity(p);
    return {
      ...affinity.hooks,
      filter: {
        filter: (cycle, candidates) => {
          const bound = affinity.indexOfBound(cycle, candidates);
          if (bound < 0 || candidates.length === 1) return candidates;
          return candidates.slice(bound, bound + 1);
        },
      },
    };
  },
});
