import { expect, test } from 'vitest';
import { createRequestRoutes } from './request-routes.ts';

const usual = ['openai-parser', 'anthropic-parser', 'vllmhttp-parser', 'passthrough-parser'];

test.each([
  [usual, '/v1/chat/completions', 'chat-completions'],
  [usual, '/v1/chat/completions?a=/v1/messages', 'chat-completions'],
  [usual, '/tenant/a/v1/completions', 'completions'],
  [usual, '/v1/chat/completions/render', 'chat-completions'],
  [usual, '/v1/messages', 'messages'],
  [usual, '/v1/messages/count_tokens', 'count-tokens'],
  [usual, '/inference/v1/generate', 'vllm-generate'],
  [usual, '/generate', 'passthrough'],
  [usual, '/v1/audio/transcriptions', 'passthrough'],
  [['openai-parser'], '/v1/messages', 'none'],
  [['sglanghttp-parser', 'vllmhttp-parser'], '/inference/v1/generate', 'vllm-generate'],
  [['sglanghttp-parser', 'vllmhttp-parser'], '/generate', 'sglang-generate'],
  [['passthrough-parser', 'openai-parser'], '/v1/completions', 'passthrough'],
  [[], '/v1/completions', 'none'],
])('with %j, %s is read as %s', (parsers, path, expected) => {
  const route = createRequestRoutes(parsers)(path);
  expect(route.kind === 'api' ? route.api : route.kind).toBe(expected);
});

test('counting tokens names no model that may be rewritten, and nobody looks at its answer', () => {
  const routes = createRequestRoutes(usual);
  expect(routes('/v1/messages/count_tokens')).toMatchObject({ hasModel: false, skipsAnswer: true });
  expect(routes('/v1/messages')).toMatchObject({ hasModel: true, skipsAnswer: false });
});
