// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { tokenizedPrompt } from '../../../attributes/tokenized-prompt.ts';
import type { SchedulingCycle } from '../../../cycle.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { keepWhere } from '../../filters/keep-where.ts';
import { labelOf } from '../../label-value.ts';
import { isInRange, parseContextRange, scoreRange, type ContextRange } from './context-range.ts';

const parameters = z.strictObject({
  label: z
    .string()
    .min(1)
    .default('llm-d.ai/context-length-range')
    .describe('Label with the prompt lengths an endpoint is meant for: "<min>-<max>" in tokens.'),
  enableFiltering: z
    .boolean()
    .default(false)
    .describe('Drop the endpoints that are meant for other lengths, besides scoring.'),
});

/** Brings long prompts to the endpoints that are set up for them, and short ones to the others. */
export const contextLengthAware = definePlugin({
  type: 'context-length-aware',
  summary:
    'Prefers, or keeps, the endpoints whose label says they are meant for the prompt length.',
  stability: 'beta',
  points: ['filter', 'scorer'],
  parameters,
  consumes: () => [tokenizedPrompt()],
  create: ({ label, enableFiltering }) => {
    const ranges = createRangeReader(label);
    return {
      filter: {
        filter: (cycle, candidates) => {
          if (!enableFiltering) return candidates;
          const tokens = promptTokens(cycle);
          return keepWhere(candidates, (endpoint) => {
            const range = ranges(endpoint);
            return range === 'any' || (range !== 'malformed' && isInRange(tokens, range));
          });
        },
      },
      scorer: {
        score: (cycle, candidates) => {
          const tokens = promptTokens(cycle);
          return Float64Array.from(candidates, (endpoint) => {
            const range = ranges(endpoint);
            if (range === 'any') return 0.5;
            return range === 'malformed' ? 0 : scoreRange(tokens, range);
          });
        },
      },
    };
  },
});

const promptTokens = ({ attributes }: SchedulingCycle): number =>
  attributes.get(tokenizedPrompt())?.ids.length ?? 0;

type Suitability = ContextRange | 'any' | 'malformed';

/** Reads an endpoint's label, each set of labels once. */
function createRangeReader(label: string): (endpoint: Endpoint) => Suitability {
  const known = new WeakMap<Endpoint['labels'], Suitability>();
  return (endpoint) => {
    const seen = known.get(endpoint.labels);
    if (seen !== undefined) return seen;
    const text = labelOf(endpoint, label);
    const range = text === undefined ? 'any' : (parseContextRange(text) ?? 'malformed');
    known.set(endpoint.labels, range);
    return range;
  };
}
