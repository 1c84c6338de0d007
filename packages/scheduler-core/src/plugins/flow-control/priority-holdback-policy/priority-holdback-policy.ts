// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';

const parameters = z
  .strictObject({
    shape: z
      .enum(['linear'])
      .default('linear')
      .describe('Curve of the ceilings between the highest band and the lowest.'),
    domain: z
      .enum(['rank', 'value'])
      .default('rank')
      .describe('Whether a band’s place on the curve is its rank or its priority itself.'),
    minCeiling: z
      .number()
      .min(0)
      .lt(1)
      .describe('Saturation at which the band of the lowest priority closes.'),
    maxCeiling: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe('Saturation at which the band of the highest priority closes.'),
  })
  .refine(({ minCeiling, maxCeiling }) => minCeiling < maxCeiling, {
    error: 'minCeiling must be below maxCeiling',
    path: ['minCeiling'],
  });
type Parameters = z.infer<typeof parameters>;

/** Keeps room for higher priorities: the lower a band, the earlier it closes. */
export const priorityHoldbackPolicy = definePlugin({
  type: 'priority-holdback-policy',
  summary: 'Closes bands the earlier the lower their priority, from maxCeiling to minCeiling.',
  stability: 'alpha',
  points: ['usage-limit-policy'],
  parameters,
  create: (settings) => ({
    usageLimitPolicy: {
      ceilings: (priorities) => {
        const places = settings.domain === 'rank' ? byRank(priorities) : byValue(priorities);
        return places.map((place) => ceilingAt(place, settings));
      },
    },
  }),
});

/** A place of 1 is the highest band's, 0 the lowest's. A single band is the highest. */
const byRank = (priorities: readonly number[]): readonly number[] =>
  priorities.map((_, rank) => (priorities.length === 1 ? 1 : 1 - rank / (priorities.length - 1)));

function byValue(priorities: readonly number[]): readonly number[] {
  const highest = priorities[0] ?? 0;
  const lowest = priorities.at(-1) ?? 0;
  if (highest === lowest) return priorities.map(() => 1);
  return priorities.map((priority) => (priority - lowest) / (highest - lowest));
}

const ceilingAt = (place: number, { minCeiling, maxCeiling }: Parameters): number =>
  minCeiling + place * (maxCeiling - minCeiling);
