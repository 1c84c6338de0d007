// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { encoderCacheMatches } from '../../../attributes/encoder-cache-matches.ts';
import { definePlugin } from '../../../plugin-definition.ts';

const parameters = z.strictObject({
  producerName: z
    .string()
    .min(1)
    .default('mm-embeddings-cache-producer')
    .describe('Name of the data producer whose encoder-cache matches are read.'),
});

/** Prefers the endpoint that has encoded most of the prompt's media before. */
export const mmEmbeddingsCacheScorer = definePlugin({
  type: 'mm-embeddings-cache-scorer',
  summary: 'Prefers the endpoint that has encoded most of the prompt’s media before.',
  stability: 'beta',
  points: ['scorer'],
  parameters,
  consumes: ({ producerName }) => [encoderCacheMatches(producerName)],
  create: ({ producerName }) => {
    const attribute = encoderCacheMatches(producerName);
    return {
      scorer: {
        score: ({ attributes }, candidates) => {
          const matches = attributes.get(attribute);
          if (matches === undefined) return new Float64Array(candidates.length);
          return Float64Array.from(
            candidates,
            (endpoint) => matches.matchedSize(endpoint) / matches.totalSize,
          );
        },
      },
    };
  },
});
