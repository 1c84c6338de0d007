// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';
import { customMetric } from '../../custom-metric.ts';
import { scalarProducer } from '../../parameter-fields.ts';

const fixedRange = z
  .strictObject({
    min: z.number().describe('Value at the lower end.'),
    max: z.number().describe('Value at the upper end.'),
  })
  .refine(({ min, max }) => min < max, { error: 'min must be below max' });

const parameters = z.strictObject({
  attributeKey: z
    .string()
    .min(1)
    .describe('Scalar to look at, by the attributeKey of customMetrics in core-metrics-extractor.'),
  producer: scalarProducer,
  algorithm: z
    .strictObject({
      type: z
        .enum(['linear_lower_is_better', 'linear_higher_is_better'])
        .describe('Which end of the range scores 1; it falls to 0 in a straight line.'),
      normalization: z
        .strictObject({
          fixedRange: fixedRange.optional().describe('Range that is always the same.'),
          adaptiveRange: z
            .strictObject({})
            .optional()
            .describe('Range of the candidates’ own values. What counts where neither is given.'),
        })
        .refine((n) => n.fixedRange === undefined || n.adaptiveRange === undefined, {
          error: 'takes one of fixedRange and adaptiveRange',
        })
        .prefault({})
        .describe('Where the range comes from.'),
    })
    .describe('How a value becomes a score.'),
});

/** Rates endpoints by any scalar that the data layer was told to keep. */
export const endpointAttributeScorer = definePlugin({
  type: 'endpoint-attribute-scorer',
  summary: 'Prefers endpoints by a scraped scalar, the lower or the higher the better.',
  stability: 'alpha',
  points: ['scorer'],
  parameters,
  create: ({ attributeKey, algorithm: { type, normalization } }) => {
    const lowerIsBetter = type === 'linear_lower_is_better';
    return {
      scorer: {
        score: (_cycle, candidates) => {
          const values = candidates.map((endpoint) => customMetric(endpoint, attributeKey));
          const { min, max } = normalization.fixedRange ?? rangeOf(values);
          return Float64Array.from(values, (value) => {
            if (value === undefined) return 0;
            if (max === min) return 1;
            const share = Math.min(1, Math.max(0, (value - min) / (max - min)));
            return lowerIsBetter ? 1 - share : share;
          });
        },
      },
    };
  },
});

function rangeOf(values: readonly (number | undefined)[]): { min: number; max: number } {
  const known = values.filter((value) => value !== undefined);
  return { min: Math.min(...known), max: Math.max(...known) };
}
