// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '../../../plugin-definition.ts';
import { noParameters } from '../../parameter-fields.ts';

/** How often a band that closed by turns is asked again; llm-d's dispatch cycle. */
const RECHECK_MS = 1;

/** Slows lower bands down instead of closing them: the fuller the pool, the fewer turns they have. */
export const softReflectiveCeilingPolicy = definePlugin({
  type: 'soft-reflective-ceiling-policy',
  summary:
    'Lets lower bands through the more rarely the fuller the pool is; the highest band always.',
  stability: 'alpha',
  points: ['usage-limit-policy'],
  parameters: noParameters,
  create: () => {
    /** How often each rank was asked beyond its ceiling; as many as there are bands. */
    const turns: number[] = [];
    const ceilingOf = (rank: number, bands: number, saturation: number): number => {
      if (rank === 0 || saturation < 1 - (rank * saturation) / (bands - 1)) return 1;
      if (saturation >= 1) return 0;
      const turn = (turns[rank] ?? 0) + 1;
      turns[rank] = turn;
      return turn % periodAt(saturation) === 0 ? 1 : 0;
    };
    return {
      usageLimitPolicy: {
        recheckMs: RECHECK_MS,
        ceilings: (priorities, saturation) => {
          turns.length = Math.min(turns.length, priorities.length);
          return priorities.map((_, rank) => ceilingOf(rank, priorities.length, saturation));
        },
      },
    };
  },
});

const periodAt = (saturation: number): number =>
  Math.max(1, Math.round(saturation / (1 - saturation)));
