// SPDX-License-Identifier: Apache-2.0
import type { Random } from '@llm-d/determinism';
import * as z from 'zod';
import type { Endpoint } from '../../../endpoint.ts';
import type { ScoredCandidates } from '../../../plugin-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { maxNumOfEndpoints } from '../../parameter-fields.ts';

/**
 * Picks at random in proportion to the totals, without replacement: algorithm A-Res of Efraimidis and
 * Spirakis (2006).
 */
export const weightedRandomPicker = definePlugin({
  type: 'weighted-random-picker',
  summary: 'Picks at random with probabilities proportional to the scores.',
  stability: 'beta',
  points: ['picker'],
  parameters: z.strictObject({ maxNumOfEndpoints }),
  create: (p, { random }) => ({
    picker: { pick: (_cycle, scored) => reservoir(scored, random, p.maxNumOfEndpoints) },
  }),
});

function reservoir(scored: ScoredCandidates, random: Random, count: number): Endpoint[] {
  const { endpoints, totals } = scored;
  return endpoints
    .map((endpoint, i) => ({
      endpoint,
      total: totals[i] ?? 0,
      key: drawKey(totals[i] ?? 0, random),
    }))
    .sort((a, b) => Number(b.total > 0) - Number(a.total > 0) || b.key - a.key)
    .slice(0, count)
    .map(({ endpoint }) => endpoint);
}

/**
 * The logarithm of A-Res' key U^(1/total), which orders the same and does not underflow. A total of 0
 * or less has no chance against a positive one, and an even one against its like.
 */
function drawKey(total: number, random: Random): number {
  const draw = Math.log(1 - random.next());
  return total > 0 ? draw / total : draw;
}
