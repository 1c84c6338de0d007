// SPDX-License-Identifier: Apache-2.0
import type { AnswerScript, ExchangeScript } from '../exchange/exchange-script.ts';
import type { Bench } from './bench.ts';

/** The model that requests ask for. */
export const MODEL = 'test-model';
export const CHAT_PATH = '/v1/chat/completions';
export const COMPLETIONS_PATH = '/v1/completions';

/** A request of somebody who chats, with an answer, about something new. */
export const chat = (bench: Bench, more: Partial<ExchangeScript> = {}): ExchangeScript => ({
  path: CHAT_PATH,
  body: chatBody(bench.freshPrompt()),
  answer: jsonAnswer(),
  ...more,
});

/**
 * A body of the chat completions API. Its members are sorted, so that only cases that are about it notice an endpoint
 * picker that writes JSON anew.
 */
export const chatBody = (prompt: string, fields: Readonly<Record<string, unknown>> = {}): string =>
  sortedJson({ model: MODEL, messages: [{ content: prompt, role: 'user' }], ...fields });

/** JSON of an object with its own members sorted. */
export const sortedJson = (members: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(
    Object.fromEntries(Object.entries(members).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );

/** A request for a completion about something new. */
export const completion = (bench: Bench, more: Partial<ExchangeScript> = {}): ExchangeScript => ({
  path: COMPLETIONS_PATH,
  body: JSON.stringify({ model: MODEL, prompt: bench.freshPrompt() }),
  answer: jsonAnswer(),
  ...more,
});

/** The whole answer of a model server as JSON. */
export const answerBody = (model: string = MODEL, content = 'four'): string =>
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
  });

export const jsonAnswer = (body: string = answerBody()): AnswerScript => ({
  chunks: [body],
  ending: 'empty-chunk',
});

const sseEvent = (data: string): string => `data: ${data}\n\n`;

/** Events of a streamed chat completion, the last one `[DONE]`, with usage before it. */
export function sseEvents(
  options: { readonly model?: string; readonly tokens?: number } = {},
): string[] {
  const { model = MODEL, tokens = 3 } = options;
  const chunk = (fields: Readonly<Record<string, unknown>>): string =>
    sseEvent(
      JSON.stringify({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model,
        ...fields,
      }),
    );
  const words = Array.from({ length: tokens }, (_, i) =>
    chunk({ choices: [{ index: 0, delta: { content: `word${i} ` }, finish_reason: null }] }),
  );
  const usage = { prompt_tokens: 7, completion_tokens: tokens, total_tokens: 7 + tokens };
  return [...words, chunk({ choices: [], usage }), sseEvent('[DONE]')];
}

/** A streamed answer, each chunk sent when the one before it has come back. */
export const sseAnswer = (
  chunks: readonly (string | Uint8Array)[] = sseEvents(),
  more: Partial<AnswerScript> = {},
): AnswerScript => ({
  headers: [['content-type', 'text/event-stream']],
  chunks,
  ending: 'empty-chunk',
  isStepwise: true,
  ...more,
});

/** A request for a stream about something new. */
export const streamedChat = (bench: Bench, more: Partial<ExchangeScript> = {}): ExchangeScript =>
  chat(bench, {
    body: chatBody(bench.freshPrompt(), { stream: true, stream_options: { include_usage: true } }),
    answer: sseAnswer(),
    ...more,
  });
