// SPDX-License-Identifier: Apache-2.0
import type { ChatMessage, WorkloadRequest } from './workload.ts';

/** Which of OpenAI's two generating APIs is spoken. */
export type OpenAiApi = 'chat' | 'completions';

/** How a request of a workload becomes a request of the API. */
export interface OpenAiRequestOptions {
  readonly api: OpenAiApi;
  /** The model asked for. */
  readonly model: string;
  /** Whether the answer is streamed, with its usage at the end. */
  readonly stream: boolean;
}

/** Path of the API below the server's base URL, which may or may not end in `/v1`. */
export function openAiPath(basePath: string, api: OpenAiApi): string {
  const base = basePath.replace(/\/+$/, '').replace(/\/v1$/, '');
  return `${base}/v1/${api === 'chat' ? 'chat/completions' : 'completions'}`;
}

/** The JSON body: greedy, and as long as the workload says, whatever the model would rather do (vLLM's `ignore_eos`). */
export function openAiBody(request: WorkloadRequest, options: OpenAiRequestOptions): string {
  const { api, model, stream } = options;
  return JSON.stringify({
    model,
    ...(api === 'chat'
      ? { messages: asMessages(request.prompt) }
      : { prompt: asText(request.prompt) }),
    max_tokens: request.maxTokens,
    temperature: 0,
    ignore_eos: true,
    stream,
    ...(stream && { stream_options: { include_usage: true } }),
  });
}

const asMessages = (prompt: WorkloadRequest['prompt']): readonly ChatMessage[] =>
  typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt;

/** A conversation as one text that a longer conversation continues, so that prefixes stay prefixes. */
const asText = (prompt: WorkloadRequest['prompt']): string =>
  typeof prompt === 'string'
    ? prompt
    : prompt.map(({ role, content }) => `${role}: ${content}\n`).join('');
