// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { maxNumOfEndpoints } from '../../parameter-fields.ts';

/** Picks the candidate whose id follows the last pick's. */
export const roundRobinPicker = definePlugin({
  type: 'round-robin-picker',
  summary: 'Rotates over the candidates in the order of their ids; a baseline to compare with.',
  stability: 'beta',
  points: ['picker'],
  parameters: z.strictObject({ maxNumOfEndpoints }),
  create: (p) => {
    let last = '';
    return {
      picker: {
        pick: (_cycle, { endpoints }) => {
          const turn = endpoints.toSorted((a, b) => compareFrom(last, a, b));
          last = (turn[0] as Endpoint).id;
          return turn.slice(0, p.maxNumOfEndpoints);
        },
      },
    };
  },
});

/** Orders by id, beginning behind `last`. */
function compareFrom(last: string, a: Endpoint, b: Endpoint): number {
  const aComesNext = a.id > last;
  if (aComesNext !== b.id > last) return aComesNext ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
