// SPDX-License-Identifier: Apache-2.0
import { createRandom, randomBelow, type Random } from '@llm-d/determinism';
import { post } from '../stack.ts';
import type { KvEngine } from './kv-engine.ts';

/** A conversation that clients send, and the tokens that engines make of it. */
export interface Prompt {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly tokens: readonly number[];
}

const WORDS = ['one ', 'two ', 'many', 'most', ' and', ' or ', 'next', 'last', 'any ', 'all '];
const SYSTEMS = 4;

/** Of about so many blocks: four bytes are a token. */
const textOf = (random: Random, blocks: number): string =>
  Array.from({ length: blocks * 16 }, () => WORDS[randomBelow(random, WORDS.length)]).join('');

/** Prompts that share beginnings, from 4 to 13 blocks, rendered by an engine. */
export async function makePrompts(engine: KvEngine, count = 20, seed = 1): Promise<Prompt[]> {
  const random = createRandom(seed);
  const systems = Array.from({ length: SYSTEMS }, () => textOf(random, 3));
  const conversations = Array.from({ length: count }, (_, i) => [
    { role: 'system', content: systems[i % SYSTEMS] ?? '' },
    { role: 'user', content: textOf(random, 1 + randomBelow(random, 9)) },
  ]);
  return Promise.all(
    conversations.map(async (messages) => ({ messages, tokens: await render(engine, messages) })),
  );
}

async function render(engine: KvEngine, messages: Prompt['messages']): Promise<readonly number[]> {
  const body = { model: engine.model, messages };
  const answer = await post(`${engine.url}/v1/chat/completions/render`, body);
  // What vLLM's render endpoint is documented to answer.
  return ((await answer.json()) as { token_ids: number[] }).token_ids;
}

/** Sends a prompt to a server; gives the status, and 0 where there was no answer. */
export async function ask(
  url: string,
  model: string,
  prompt: Pick<Prompt, 'messages'>,
  options: { readonly maxTokens?: number; readonly requestId?: string } = {},
): Promise<number> {
  const { maxTokens = 2, requestId } = options;
  const { messages } = prompt;
  const body = { model, messages, max_tokens: maxTokens, ignore_eos: true };
  try {
    const headers = requestId === undefined ? {} : { 'x-request-id': requestId };
    const answer = await post(`${url}/v1/chat/completions`, body, { headers });
    await answer.text();
    return answer.status;
  } catch {
    return 0;
  }
}
