// SPDX-License-Identifier: Apache-2.0
import { shuffle, type Random } from '@llm-d/determinism';
import * as z from 'zod';
import type { Endpoint } from '../../../endpoint.ts';
import type { ScoredCandidates } from '../../../plugin-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { maxNumOfEndpoints } from '../../parameter-fields.ts';

/** Picks the highest totals; equal ones by fewest reservations, then at random. */
export const maxScorePicker = definePlugin({
  type: 'max-score-picker',
  summary: 'Picks the highest score; among equals the endpoint with the fewest reservations.',
  stability: 'beta',
  points: ['picker'],
  parameters: z.strictObject({ maxNumOfEndpoints }),
  create: (p, { random }) => ({
    picker: {
      pick: (_cycle, scored) =>
        p.maxNumOfEndpoints === 1
          ? [best(scored, random)]
          : ranked(scored, random).slice(0, p.maxNumOfEndpoints),
    },
  }),
});

/** One pass without allocation; the n-th equal candidate replaces the choice with probability 1/n. */
function best({ endpoints, totals }: ScoredCandidates, random: Random): Endpoint {
  let choice = endpoints[0] as Endpoint;
  let highest = totals[0] ?? 0;
  let equals = 1;
  for (let i = 1; i < endpoints.length; i++) {
    const total = totals[i] ?? 0;
    if (total < highest) continue;
    const endpoint = endpoints[i] as Endpoint;
    const ahead =
      total > highest ? 1 : Math.sign(choice.reservedRequests - endpoint.reservedRequests);
    if (ahead < 0) continue;
    equals = ahead > 0 ? 1 : equals + 1;
    if (equals > 1 && random.next() * equals >= 1) continue;
    choice = endpoint;
    highest = total;
  }
  return choice;
}

function ranked({ endpoints, totals }: ScoredCandidates, random: Random): Endpoint[] {
  const entries = endpoints.map((endpoint, i) => ({ endpoint, total: totals[i] ?? 0 }));
  // Sorting is stable, so what compares equal stays shuffled.
  return shuffle(random, entries)
    .sort((a, b) => b.total - a.total || a.endpoint.reservedRequests - b.endpoint.reservedRequests)
    .map(({ endpoint }) => endpoint);
}
