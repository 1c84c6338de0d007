// SPDX-License-Identifier: Apache-2.0
import { randomBelow, type Random } from '@llm-d/determinism';
import { post } from '../stack.ts';

/** What is asked, without who is asked and how much. */
export type PromptBody =
  | { readonly prompt: string }
  | { readonly messages: readonly { readonly role: string; readonly content: string }[] };

/** A prompt to either API, and what it is cached as. */
export interface PrefixPrompt {
  readonly body: PromptBody;
  readonly model: string;
  /** Name of the adapter that is asked for; undefined for the model itself. */
  readonly adapter?: string | undefined;
  readonly salt?: string | undefined;
}

/** What came back. */
export interface PrefixAnswer {
  readonly text: string;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

const WORDS =
  'the cache of a block and its tokens go by router to where some prefix was kept in every queue before 17 new words, as it is; so they say!'.split(
    ' ',
  );

/** Words, about as many as tokens of the tiny model. */
const someWords = (random: Random, count: number): string =>
  Array.from({ length: count }, () => WORDS[randomBelow(random, WORDS.length)]).join(' ');

/** Prompts that all begin alike: each call goes on otherwise. Every other opening is that of a conversation. */
export type Opening = () => PrefixPrompt;

/** An opening of `words` words that nobody has seen. */
export function makeOpening(random: Random, words: number, model: string): Opening {
  const begin = someWords(random, words);
  const isChat = randomBelow(random, 2) === 0;
  return () => {
    const question = someWords(random, 20);
    const messages = [
      { role: 'system', content: begin },
      { role: 'user', content: question },
    ];
    return { model, body: isChat ? { messages } : { prompt: `${begin} ${question}` } };
  };
}

/** Token ids of a prompt by an engine's own `/tokenize`. */
export async function tokenIds(
  engineUrl: string,
  prompt: PrefixPrompt,
): Promise<readonly number[]> {
  const answer = await post(`${engineUrl}/tokenize`, { model: prompt.model, ...prompt.body });
  if (answer.status !== 200) throw new Error(`/tokenize: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { readonly tokens: readonly number[] }).tokens;
}

interface Completion {
  readonly choices: readonly {
    readonly text?: string;
    readonly message?: { readonly content: string };
  }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number } | null;
  };
}

/** Sends a prompt to an engine or a gateway. Rejects when it is not answered with 200. */
export async function ask(
  url: string,
  prompt: PrefixPrompt,
  options: { readonly requestId?: string; readonly maxTokens?: number } = {},
): Promise<PrefixAnswer> {
  const { requestId, maxTokens = 2 } = options;
  const { body, model, adapter, salt } = prompt;
  const path = 'prompt' in body ? '/v1/completions' : '/v1/chat/completions';
  const answer = await post(
    url + path,
    {
      ...body,
      ...{ model: adapter ?? model, max_tokens: maxTokens, temperature: 0, ignore_eos: true },
      ...(salt !== undefined && { cache_salt: salt }),
    },
    { headers: requestId === undefined ? {} : { 'x-request-id': requestId } },
  );
  if (answer.status !== 200)
    throw new Error(`${url}${path}: ${answer.status} ${await answer.text()}`);
  const { choices, usage } = (await answer.json()) as Completion;
  return {
    text: choices[0]?.text ?? choices[0]?.message?.content ?? '',
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
  };
}
