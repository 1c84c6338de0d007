// SPDX-License-Identifier: Apache-2.0
import { MODEL, cannedAnswer } from './canned-servers.ts';

const usage = { prompt_tokens: 2000, completion_tokens: 20, total_tokens: 2020 };

/** A chat completion as vLLM answers when nothing is streamed. */
export const wholeAnswer: Buffer = cannedAnswer(
  JSON.stringify({
    id: 'chatcmpl-5d2b6c1fd8134c6e8b4e6f7f31a0f1a5',
    object: 'chat.completion',
    created: 1_760_000_000,
    model: MODEL,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'The server that answers soonest.', tool_calls: [] },
        logprobs: null,
        finish_reason: 'stop',
        stop_reason: null,
      },
    ],
    usage,
    prompt_logprobs: null,
  }),
);

const event = (data: string): string => `data: ${data}\n\n`;
const chunked = (payload: string): string =>
  `${Buffer.byteLength(payload).toString(16)}\r\n${payload}\r\n`;

/** Head of a streamed answer. */
export const streamHead = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n',
);

/** One token of a streamed answer: an event of 250 bytes in an HTTP chunk of its own. */
export const streamChunk = Buffer.from(chunked(event(tokenOf(250))));

/** The last events and the end of the answer. */
export const streamEnd = Buffer.from(
  `${chunked(
    event(JSON.stringify({ object: 'chat.completion.chunk', model: MODEL, choices: [], usage })),
  )}${chunked(event('[DONE]'))}0\r\n\r\n`,
);

/** A vLLM chunk whose event, with `data: ` and the empty line, has exactly `bytes` bytes. */
export function tokenOf(bytes: number): string {
  const build = (content: string) =>
    JSON.stringify({
      id: 'chatcmpl-5d2b6c1fd8134c6e8b4e6f7f31a0f1a5',
      object: 'chat.completion.chunk',
      created: 1_760_000_000,
      model: MODEL,
      choices: [
        { index: 0, delta: { content }, logprobs: null, finish_reason: null, token_ids: null },
      ],
    });
  return build('x'.repeat(Math.max(1, bytes - event(build('')).length)));
}
