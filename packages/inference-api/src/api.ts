// SPDX-License-Identifier: Apache-2.0
import { chatCompletions } from './apis/chat-completions.ts';
import { completions } from './apis/completions.ts';
import { embeddings } from './apis/embeddings.ts';
import { countTokens, messages } from './apis/messages.ts';
import { responses } from './apis/responses.ts';
import { sglangGenerate } from './apis/sglang-generate.ts';
import { tokenize } from './apis/tokenize.ts';
import { vllmGenerate } from './apis/vllm-generate.ts';
import type { ApiDescriptor, ApiKind } from './api-descriptor.ts';

/** Every API that is understood. A new one is a file in `apis/` and a row here. */
export const apis: Readonly<Record<ApiKind, ApiDescriptor>> = {
  'chat-completions': chatCompletions,
  completions,
  embeddings,
  responses,
  messages,
  'count-tokens': countTokens,
  'vllm-generate': vllmGenerate,
  tokenize,
  'sglang-generate': sglangGenerate,
};

/** Suffixes, the longest first, so that the first match is the right one. */
const suffixes = Object.values(apis)
  .flatMap(({ kind, pathSuffixes }) => pathSuffixes.map((suffix) => ({ kind, suffix })))
  .sort((a, b) => b.suffix.length - a.suffix.length);

/**
 * The API that a request path names: the one with the longest suffix that the path ends with after a slash, its query
 * stripped. `/v1/chat/completions` and `/tenant/a/chat/completions?x=1` are both chat completions.
 */
export function apiOfPath(path: string): ApiKind | undefined {
  const query = path.indexOf('?');
  const bare = query < 0 ? path : path.slice(0, query);
  return suffixes.find(({ suffix }) => bare.endsWith(suffix))?.kind;
}
