// SPDX-License-Identifier: Apache-2.0
import type { ApiKind } from '@llm-d/inference-api';
import { nestedBody, readRequestBody, withMembers, type RequestBody } from './request-body.ts';

/** Limits of each API that a prefill sets to one token, whether the client gave them or not. */
const LIMITS: Readonly<Partial<Record<ApiKind, readonly string[]>>> = {
  'chat-completions': ['max_tokens', 'max_completion_tokens', 'min_tokens'],
  completions: ['max_tokens', 'min_tokens'],
  messages: ['max_tokens'],
  responses: ['max_output_tokens'],
  'vllm-generate': ['max_tokens', 'min_tokens'],
  'sglang-generate': ['max_new_tokens', 'min_new_tokens'],
};
/** APIs whose limits are in `sampling_params`. */
const NESTED: ReadonlySet<ApiKind> = new Set(['vllm-generate', 'sglang-generate']);

const EMPTY = readRequestBody(Buffer.from('{}'));

/** What makes a request one for a prefill: one token, which is not streamed. */
export function singleTokenChanges(
  body: RequestBody,
  api: ApiKind,
): Map<string, string | Buffer | undefined> {
  const limits = (LIMITS[api] ?? []).map((name) => [name, '1'] as const);
  const changes = new Map<string, string | Buffer | undefined>([
    ['stream', 'false'],
    ['stream_options', undefined],
  ]);
  if (!NESTED.has(api)) {
    for (const [name, value] of limits) changes.set(name, value);
    return changes;
  }
  const sampling = nestedBody(body, 'sampling_params') ?? emptyBody();
  changes.set('sampling_params', withMembers(sampling, new Map(limits)));
  return changes;
}

function emptyBody(): RequestBody {
  if (EMPTY.kind !== 'object') throw new TypeError('{} is an object');
  return EMPTY.body;
}
