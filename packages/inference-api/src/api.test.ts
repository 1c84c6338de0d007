import { expect, test } from 'vitest';
import { apiOfPath, apis } from './api.ts';

test.each([
  ['/v1/chat/completions', 'chat-completions'],
  ['/v1/chat/completions/render', 'chat-completions'],
  ['/tenant/a/v1/chat/completions?api-version=1', 'chat-completions'],
  ['/v1/completions', 'completions'],
  ['/v1/embeddings', 'embeddings'],
  ['/v1/responses', 'responses'],
  ['/v1/messages', 'messages'],
  ['/v1/messages/count_tokens', 'count-tokens'],
  ['/inference/v1/generate', 'vllm-generate'],
  ['/generate', 'sglang-generate'],
  ['/tokenize', 'tokenize'],
  ['/detokenize', undefined],
  ['/v1/models', undefined],
  ['/xgenerate', undefined],
  ['/?x=/v1/messages', undefined],
  ['', undefined],
])('%s is %s', (path, api) => {
  expect(apiOfPath(path)).toBe(api);
});

test('every API is listed under its own name', () => {
  for (const [name, { kind }] of Object.entries(apis)) expect(kind).toBe(name);
});
