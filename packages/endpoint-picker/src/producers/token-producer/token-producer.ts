// SPDX-License-Identifier: Apache-2.0
import { estimateTokens } from '@llm-d/inference-api';
import {
  definePlugin,
  tokenizedPrompt,
  type Prompt,
  type TokenizedPrompt,
} from '@llm-d/scheduler-core';
import { z } from 'zod';

const parameters = z.strictObject({
  estimate: z
    .strictObject({})
    .default({})
    .describe('Takes every four bytes of the prompt for one token. The only backend so far.'),
});

/** Gives the prompt as tokens: the client's own where it sent ids, else an estimate of four bytes each. */
export const tokenProducer = definePlugin({
  type: 'token-producer',
  summary:
    'Gives the prompt as token ids, estimated from its bytes unless the client tokenized it.',
  stability: 'beta',
  points: ['data-producer'],
  parameters,
  produces: (_, name) => [tokenizedPrompt(name)],
  isDefaultProducer: true,
  create: (_, { name }) => {
    const output = tokenizedPrompt(name);
    return {
      producer: {
        produce: ({ request: { prompt } }, _candidates, { attributes }) => {
          const tokenized = tokenize(prompt);
          if (tokenized !== undefined) attributes.set(output, tokenized);
        },
      },
    };
  },
});

function tokenize(prompt: Prompt): TokenizedPrompt | undefined {
  switch (prompt.kind) {
    case 'none':
      return undefined;
    case 'text':
      return { ids: estimateTokens(prompt.bytes), estimated: true };
    case 'tokens':
      return { ids: prompt.ids, estimated: false };
  }
}
