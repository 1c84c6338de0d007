// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';
import { customMetric } from '../../custom-metric.ts';
import { scalarProducer } from '../../parameter-fields.ts';
import { keepWhere } from '../keep-where.ts';

const OPERATORS = {
  LessThan: (a: number, b: number) => a < b,
  LessThanOrEqual: (a: number, b: number) => a <= b,
  GreaterThan: (a: number, b: number) => a > b,
  GreaterThanOrEqual: (a: number, b: number) => a >= b,
  Equal: (a: number, b: number) => a === b,
  NotEqual: (a: number, b: number) => a !== b,
};
type Operator = keyof typeof OPERATORS;
const operators = Object.keys(OPERATORS) as [Operator, ...Operator[]];

const parameters = z.strictObject({
  attribute: z
    .string()
    .min(1)
    .describe('Scalar to look at, by the attributeKey of customMetrics in core-metrics-extractor.'),
  producer: scalarProducer,
  onMissing: z
    .enum(['Pass', 'Fail'])
    .default('Pass')
    .describe('What happens to an endpoint without the scalar.'),
  fallbackOnEmpty: z
    .boolean()
    .default(false)
    .describe('Keep all candidates where none passes, instead of failing the profile.'),
  algorithm: z
    .strictObject({
      type: z.literal('threshold').describe('How the scalar is judged.'),
      threshold: z
        .strictObject({
          operator: z.enum(operators).describe('How the scalar relates to the value.'),
          value: z.number().describe('What the scalar is compared with.'),
        })
        .describe('Bound that the scalar is held against.'),
    })
    .describe('Which endpoints pass.'),
});

/** Keeps the endpoints whose scraped scalar is on the right side of a bound. */
export const endpointAttributeFilter = definePlugin({
  type: 'endpoint-attribute-filter',
  summary: 'Keeps the endpoints whose scraped scalar compares as required with a value.',
  stability: 'alpha',
  points: ['filter'],
  parameters,
  create: ({ attribute, onMissing, fallbackOnEmpty, algorithm }) => {
    const { operator, value: bound } = algorithm.threshold;
    const holds = OPERATORS[operator];
    return {
      filter: {
        filter: (_cycle, candidates) => {
          const kept = keepWhere(candidates, (endpoint) => {
            const value = customMetric(endpoint, attribute);
            return value === undefined ? onMissing === 'Pass' : holds(value, bound);
          });
          return kept.length === 0 && fallbackOnEmpty ? candidates : kept;
        },
      },
    };
  },
});
