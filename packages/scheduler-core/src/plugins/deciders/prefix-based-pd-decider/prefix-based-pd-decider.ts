// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import { tokenizedPrompt } from '../../../attributes/tokenized-prompt.ts';
import type { SchedulingCycle } from '../../../cycle.ts';
import type { Endpoint } from '../../../endpoint.ts';
import type { Disaggregation } from '../../../plugin-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { prefixMatchInfoProducerName } from '../../parameter-fields.ts';

const parameters = z.strictObject({
  nonCachedTokens: z
    .int()
    .min(0)
    .default(0)
    .describe('Fewest tokens left to compute for which another endpoint is worth it; 0 = never.'),
  promptTokens: z
    .int()
    .min(0)
    .default(0)
    .describe('Fewest tokens of the whole prompt for which it is worth it; 0 = any.'),
  prefixMatchInfoProducerName,
});
type Parameters = z.infer<typeof parameters>;

/** Prompts are prefilled elsewhere where the chosen endpoint would have much of them to compute. */
export const prefixBasedPdDecider = definePlugin({
  type: 'prefix-based-pd-decider',
  summary: 'Has a prompt prefilled elsewhere where the chosen endpoint lacks much of it.',
  stability: 'beta',
  points: ['decider'],
  parameters,
  consumes: (p) => [tokenizedPrompt(), prefixMatches(p.prefixMatchInfoProducerName)],
  create: (p) => ({ decider: { decide: (cycle, chosen) => decide(cycle, chosen, p) } }),
});

const no = (reason: string): Disaggregation => ({ disaggregate: false, reason });

function decide(
  { attributes }: SchedulingCycle,
  chosen: Endpoint | undefined,
  { nonCachedTokens, promptTokens, prefixMatchInfoProducerName }: Parameters,
): Disaggregation {
  if (nonCachedTokens === 0) return no('nonCachedTokens is 0: never');
  const tokens = attributes.get(tokenizedPrompt())?.ids.length;
  if (tokens === undefined) return no('the length of the prompt is not known');
  if (tokens < promptTokens) return no(`${tokens} prompt tokens < ${promptTokens}`);
  if (tokens < nonCachedTokens) return no(`${tokens} prompt tokens < ${nonCachedTokens}`);
  const matches = attributes.get(prefixMatches(prefixMatchInfoProducerName));
  if (matches === undefined || chosen === undefined) {
    return no('what the chosen endpoint has cached is not known');
  }
  const cached = matches.matchedBlocks(chosen) * matches.blockSizeTokens;
  // The last block counts whole and may be longer than what is left of the prompt.
  const uncached = Math.max(0, tokens - cached);
  return uncached < nonCachedTokens
    ? no(`${uncached} uncached tokens < ${nonCachedTokens}`)
    : { disaggregate: true, reason: `${uncached} uncached tokens ≥ ${nonCachedTokens}` };
}
