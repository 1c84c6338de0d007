// SPDX-License-Identifier: Apache-2.0
import type { Bench } from './bench.ts';
import { UNKNOWN_PATH } from './body.ts';
import type { ConformanceCase, Level } from './conformance-case.ts';
import { expectBytes, expectThat } from './difference.ts';
import { expectRouted, isOk, wordsOf } from './expectations.ts';
import { CHAT_PATH, COMPLETIONS_PATH, jsonAnswer, MODEL, sortedJson } from './requests.ts';

/** A text, or the members of an object. */
type Body = string | Readonly<Record<string, unknown>>;

const routed =
  (path: string, bodies: (prompt: string) => readonly Body[]): ConformanceCase['run'] =>
  async (bench) => {
    for (const body of bodies(bench.freshPrompt())) await expectServed(bench, path, body);
  };

async function expectServed(bench: Bench, path: string, body: Body): Promise<void> {
  const text = typeof body === 'string' ? body : sortedJson(body);
  const result = await bench.exchange({ path, body: text, answer: jsonAnswer() });
  expectRouted(bench, result);
  expectBytes('body', result.requestBody.bytes, Buffer.from(text));
}

/** A request of an API, which is routed and passed on as it is. */
const api = (
  name: string,
  what: string,
  path: string,
  bodies: (prompt: string) => readonly Body[],
  level: Level = 'must',
): ConformanceCase => ({
  id: `apis.${name}`,
  title: `${what} is routed and its body left alone`,
  level,
  run: routed(path, bodies),
});

const messages = (content: unknown): unknown => [{ content, role: 'user' }];

/** What clients and engines speak. */
export const apiCases: readonly ConformanceCase[] = [
  api(
    'openai-chat',
    'An OpenAI chat, plain, with parts, tools and stream options,',
    CHAT_PATH,
    (prompt) => [
      { model: MODEL, messages: messages(prompt) },
      {
        model: MODEL,
        messages: messages([{ text: prompt, type: 'text' }]),
        stream: true,
        max_tokens: 5,
      },
      {
        model: MODEL,
        messages: [
          { content: prompt, role: 'system' },
          { content: 'x', role: 'user' },
          {
            content: null,
            role: 'assistant',
            tool_calls: [{ function: { arguments: '{}', name: 'f' }, id: '1', type: 'function' }],
          },
          { content: '4', role: 'tool', tool_call_id: '1' },
        ],
        tools: [{ function: { name: 'f', parameters: { type: 'object' } }, type: 'function' }],
      },
    ],
  ),
  api(
    'openai-completions',
    'An OpenAI completion, its prompt as text, texts, tokens or lists of tokens,',
    COMPLETIONS_PATH,
    (prompt) =>
      [prompt, [prompt, 'two'], [1, 2, 3], [[1, 2], [3]]].map((value) => ({
        model: MODEL,
        prompt: value,
      })),
  ),
  api('openai-embeddings', 'An OpenAI embedding', '/v1/embeddings', (prompt) =>
    [prompt, [prompt], [1, 2]].map((input) => ({ model: MODEL, input })),
  ),
  api('openai-responses', 'A request of the OpenAI Responses API', '/v1/responses', (prompt) => [
    { model: MODEL, input: prompt },
    { model: MODEL, input: messages(prompt), stream: true },
  ]),
  api('anthropic-messages', 'A request of Anthropic’s Messages API', '/v1/messages', (prompt) => [
    { model: MODEL, max_tokens: 16, messages: messages(prompt) },
    {
      model: MODEL,
      max_tokens: 16,
      system: 'Be brief.',
      stream: true,
      messages: messages([{ text: prompt, type: 'text' }]),
    },
  ]),
  {
    id: 'apis.anthropic-count-tokens',
    title: 'Anthropic’s count_tokens is routed and its body left alone',
    level: 'must',
    run: routed('/v1/messages/count_tokens', (prompt) => [
      { model: MODEL, messages: messages(prompt) },
    ]),
  },
  {
    id: 'apis.count-tokens-skips-answer',
    title:
      'The stream of a count_tokens request ends well before the answer: nobody has business with it',
    level: 'should',
    run: async (bench) => {
      const body = JSON.stringify({ model: MODEL, messages: messages(bench.freshPrompt()) });
      const result = await bench.exchange({
        path: '/v1/messages/count_tokens',
        body,
        lingerMs: 300,
      });
      expectRouted(bench, result);
      const { end } = result;
      expectThat(
        end !== undefined && isOk(end),
        `the stream ended with ${wordsOf(end) || 'nothing'}`,
      );
    },
  },
  api('vllm-generate', 'A request of vLLM’s generate API', '/inference/v1/generate', (prompt) => [
    {
      model: MODEL,
      token_ids: Array.from({ length: 40 }, (_, i) => (prompt.length * 7 + i * 13) % 997),
      sampling_params: { max_tokens: 5 },
    },
  ]),
  api(
    'sglang-generate',
    'A request of SGLang’s generate API',
    '/generate',
    (prompt) => [
      { model: MODEL, text: prompt, sampling_params: { max_new_tokens: 5 } },
      { input_ids: [1, 2, 3], sampling_params: { max_new_tokens: 5 } },
    ],
    'should',
  ),
  api('path-prefix', 'A path with something before it', `/tenant-a${CHAT_PATH}`, (prompt) => [
    { model: MODEL, messages: messages(prompt) },
  ]),
  api(
    'path-query',
    'A path with a query behind it',
    `${CHAT_PATH}?trace=1`,
    (prompt) => [{ model: MODEL, messages: messages(prompt) }],
    'should',
  ),
  api(
    'unknown-path',
    'A body without a model, or no JSON, for a path that no API has',
    UNKNOWN_PATH,
    () => [{ anything: true }, 'no JSON at all', '{"unfinished":'],
    'should',
  ),
];
