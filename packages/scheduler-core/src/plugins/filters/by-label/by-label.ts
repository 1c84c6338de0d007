// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';
import { labelOf } from '../../label-value.ts';
import { keepWhere } from '../keep-where.ts';

const parameters = z.strictObject({
  label: z.string().min(1).describe('Label the endpoints are chosen by.'),
  validValues: z.array(z.string()).default([]).describe('Values it may have.'),
  allowsNoLabel: z.boolean().default(false).describe('Keep endpoints without the label too.'),
});

/** Keeps the endpoints whose label has one of the given values. */
export const byLabel = definePlugin({
  type: 'by-label',
  summary: 'Keeps the endpoints whose label has one of the given values.',
  stability: 'beta',
  deprecated: 'use label-selector-filter',
  points: ['filter'],
  parameters: parameters.refine((p) => p.validValues.length > 0 || p.allowsNoLabel, {
    error: 'needs validValues or allowsNoLabel; nothing would pass',
  }),
  create: ({ label, validValues, allowsNoLabel }) => {
    const valid = new Set(validValues);
    return {
      filter: {
        filter: (_cycle, candidates) =>
          keepWhere(candidates, (endpoint) => {
            const value = labelOf(endpoint, label);
            return value === undefined ? allowsNoLabel : valid.has(value);
          }),
      },
    };
  },
});
