// SPDX-License-Identifier: Apache-2.0
import type { GenerationRequest } from './generation-request.ts';

export interface RenderHead {
  /** As an answer to the same request would have it. */
  readonly id: string;
  readonly model: string;
}

/**
 * What vLLM's `/v1/chat/completions/render` (an object) and `/v1/completions/render` (an array, one object a prompt) say
 * about a request: the tokens it would be computed from. Sampling parameters are those that have an effect here.
 */
export function renderedBody(request: GenerationRequest, { id, model }: RenderHead): string {
  const rendered = request.prompts.map((prompt, i) => ({
    request_id: request.prompts.length > 1 ? `${id}-${i}` : id,
    token_ids: Array.from(prompt),
    token_offsets: null,
    features: null,
    content_parts: null,
    sampling_params: {
      ...(request.seed !== undefined && { seed: request.seed }),
      ignore_eos: request.ignoreEos,
      max_tokens: request.maxTokens ?? null,
    },
    model,
    output_mode: 'tokens',
    stream: request.stream,
    stream_options: null,
    cache_salt: request.cacheSalt ?? null,
    priority: 0,
    kv_transfer_params: null,
    ec_transfer_params: null,
  }));
  return JSON.stringify(request.kind === 'chat' ? rendered[0] : rendered);
}
