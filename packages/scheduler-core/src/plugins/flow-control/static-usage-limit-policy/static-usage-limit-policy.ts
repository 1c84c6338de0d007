// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { definePlugin } from '../../../plugin-definition.ts';

const parameters = z.strictObject({
  threshold: z.number().min(0).default(1).describe('Saturation at which every band closes.'),
});

/** The same bound for everybody. */
export const staticUsageLimitPolicy = definePlugin({
  type: 'static-usage-limit-policy',
  summary: 'Closes all bands at one saturation.',
  stability: 'beta',
  points: ['usage-limit-policy'],
  parameters,
  create: ({ threshold }) => ({
    usageLimitPolicy: { ceilings: (priorities) => priorities.map(() => threshold) },
  }),
});
