// SPDX-License-Identifier: Apache-2.0
import { createRandom, normal } from '@llm-d/determinism';
import { invalidParameter } from './api-error.ts';
import { readPrompts } from './generation-request.ts';
import type { JsonBody } from './json-body.ts';

export interface EmbeddingsHead {
  readonly id: string;
  readonly createdSeconds: number;
  readonly model: string;
  readonly defaultDimensions: number;
}

/** The body of an answer of `/v1/embeddings`. The vector of a text depends on the text alone. @throws ApiError */
export function embeddingsBody(body: JsonBody, head: EmbeddingsHead): string {
  const inputs = readPrompts(body.get('input'), 'input');
  const dimensions = body.integer('dimensions') ?? head.defaultDimensions;
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    const message = `dimensions must be from 1 to ${MAX_DIMENSIONS}, got ${dimensions}.`;
    throw invalidParameter(message, 'dimensions', String(dimensions));
  }
  const base64 = body.string('encoding_format') === 'base64';
  const data = inputs.map((tokens, index) => {
    const vector = embed(tokens, dimensions);
    const embedding = base64 ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { index, object: 'embedding', embedding };
  });
  const tokens = inputs.reduce((sum, input) => sum + input.length, 0);
  return JSON.stringify({
    id: head.id,
    object: 'list',
    created: head.createdSeconds,
    model: head.model,
    data,
    usage: {
      prompt_tokens: tokens,
      total_tokens: tokens,
      completion_tokens: 0,
      prompt_tokens_details: null,
    },
  });
}

const MAX_DIMENSIONS = 65_536;

/** A vector of length 1 in a direction drawn from the tokens. */
export function embed(tokens: Uint32Array, dimensions: number): Float32Array {
  let seed = 0x811c9dc5;
  for (const token of tokens) seed = Math.imul(seed ^ token, 0x01000193);
  const random = createRandom(seed);
  const vector = Float32Array.from({ length: dimensions }, () => normal(random, 0, 1));
  const norm = Math.hypot(...vector);
  return vector.map((x) => x / norm);
}
