// SPDX-License-Identifier: Apache-2.0
import type { ObjectShape } from './request-shape.ts';

/** The APIs that are understood, by what they ask for. */
export type ApiKind =
  | 'chat-completions'
  | 'completions'
  | 'embeddings'
  | 'responses'
  /** Anthropic's messages. */
  | 'messages'
  /** Anthropic's messages/count_tokens. */
  | 'count-tokens'
  /** vLLM's token-in, token-out `/inference/v1/generate`. */
  | 'vllm-generate'
  | 'tokenize'
  /** SGLang's native `/generate`. */
  | 'sglang-generate';

/** How an API speaks: where it is found, what is read of its requests, how it answers. */
export interface ApiDescriptor {
  readonly kind: ApiKind;
  /** Ends of URL paths, each with its leading slash. */
  readonly pathSuffixes: readonly string[];
  /** What is read of a request's body; its fields say what becomes of them. */
  readonly request: ObjectShape;
  /** The shape of its error bodies. */
  readonly errors: 'openai' | 'anthropic';
  /** Whether a stream ends with usage without being asked by `stream_options.include_usage`. */
  readonly streamsUsage: 'always' | 'on-request';
  /** Members of a response, or of one SSE event's data, that carry the model's name: paths of keys. */
  readonly responseModelPaths: readonly (readonly string[])[];
}
