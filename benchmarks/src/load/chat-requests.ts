// SPDX-License-Identifier: Apache-2.0
import { createRandom, randomBelow, type Random } from '@llm-d/determinism';
import { MODEL } from './canned-servers.ts';

export interface ChatOptions {
  /** Size of the body. */
  readonly bytes: number;
  readonly stream?: boolean;
  /** Further header lines. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes bodies differ; they share their first half, as prompts with a system message do. Default 0. */
  readonly variant?: number;
}

const WORDS =
  'the server that answers soonest is where a request should go and "why" is a fair question\n';

/** Readable text of a given length, the same for the same seed. */
export function proseOf(length: number, random: Random): string {
  const words = WORDS.split(' ');
  let text = '';
  while (text.length < length) text += `${words[randomBelow(random, words.length)] ?? ''} `;
  return text.slice(0, length);
}

/** The JSON body of a chat completion request. */
export function chatBody({ bytes, stream = false, variant = 0 }: ChatOptions): string {
  const build = (system: string, user: string) =>
    JSON.stringify({
      model: MODEL,
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: user },
      ],
      max_tokens: 256,
      temperature: 0.7,
      ...(stream && { stream: true, stream_options: { include_usage: true } }),
    });
  const room = bytes - build('', '').length;
  const half = Math.max(1, Math.floor(room / 2));
  const system = proseOf(half, createRandom(1));
  const user = proseOf(half, createRandom(variant + 2));
  // Escapes lengthen the text, so what is too much is cut.
  const excess = Math.max(0, build(system, user).length - bytes);
  return build(system, user.slice(0, Math.max(1, user.length - excess)));
}

/** The bytes of a whole HTTP/1.1 chat completion request. */
export function chatRequest(options: ChatOptions): Buffer {
  const body = chatBody(options);
  const extra = Object.entries(options.headers ?? {}).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return Buffer.from(
    'POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n' +
      'authorization: Bearer sk-benchmark\r\nuser-agent: OpenAI/Python 1.99.0\r\naccept: application/json\r\n' +
      `${extra.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
