// SPDX-License-Identifier: Apache-2.0
import { randomBelow } from '@llm-d/determinism';
import * as z from 'zod';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { maxNumOfEndpoints } from '../../parameter-fields.ts';

/** Picks without looking at scores. */
export const randomPicker = definePlugin({
  type: 'random-picker',
  summary: 'Picks at random, every candidate with the same probability; scores do not count.',
  stability: 'beta',
  points: ['picker'],
  parameters: z.strictObject({ maxNumOfEndpoints }),
  create: (p, { random }) => ({
    picker: {
      pick: (_cycle, { endpoints }) => {
        const rest = [...endpoints];
        const count = Math.min(p.maxNumOfEndpoints, rest.length);
        for (let i = 0; i < count; i++) {
          const other = i + randomBelow(random, rest.length - i);
          const chosen = rest[other] as Endpoint;
          rest[other] = rest[i] as Endpoint;
          rest[i] = chosen;
        }
        rest.length = count;
        return rest;
      },
    },
  }),
});
