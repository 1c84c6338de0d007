// SPDX-License-Identifier: Apache-2.0
import { ApiError, invalidParameter } from './api-error.ts';
import { renderChat, type ChatMessage } from './chat-template.ts';
import { JsonBody, isObject } from './json-body.ts';
import { tokenize } from './token-text.ts';

/** What `/v1/completions` and `/v1/chat/completions` have in common once they are read. */
export interface GenerationRequest {
  readonly kind: 'chat' | 'completion';
  /** As the client named it; undefined means the base model. */
  readonly model: string | undefined;
  /** One sequence each. */
  readonly prompts: readonly Uint32Array[];
  /** Characters of the prompts that were texts, the largest of them; 0 for token ids. */
  readonly characters: number;
  /** What an echoing model answers to each prompt: the prompt, in a chat the last message. */
  readonly echoes: readonly Uint32Array[];
  readonly maxTokens: number | undefined;
  readonly ignoreEos: boolean;
  readonly seed: number | undefined;
  readonly cacheSalt: string | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly continuousUsage: boolean;
  /** The answer starts with the prompt (`echo` of `/v1/completions`). */
  readonly prependPrompt: boolean;
  readonly returnTokenIds: boolean;
}

/** Reads a body of `/v1/chat/completions`. @throws ApiError */
export function readChatRequest(body: JsonBody): GenerationRequest {
  const messages = readMessages(body);
  if (body.has('tools') && body.get('tool_choice') !== 'none') {
    const message =
      '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set';
    throw new ApiError(400, message);
  }
  const prompt = renderChat(messages, {
    addGenerationPrompt: body.boolean('add_generation_prompt') ?? true,
  });
  return {
    kind: 'chat',
    prompts: [prompt],
    characters: messages.reduce((sum, { role, text }) => sum + role.length + text.length, 0),
    echoes: [tokenize(messages.at(-1)?.text ?? '')],
    prependPrompt: false,
    ...readCommon(
      body,
      readMaxTokens(body, 'max_completion_tokens') ?? readMaxTokens(body, 'max_tokens'),
    ),
  };
}

/** Reads a body of `/v1/completions`. `max_tokens` is 16 unless given, as OpenAI has it. @throws ApiError */
export function readCompletionRequest(body: JsonBody): GenerationRequest {
  const prompts = readPrompts(body.get('prompt'));
  const texts = [body.get('prompt')].flat().filter((text) => typeof text === 'string');
  return {
    kind: 'completion',
    prompts,
    characters: Math.max(0, ...texts.map((text) => text.length)),
    echoes: prompts,
    prependPrompt: body.boolean('echo') ?? false,
    ...readCommon(body, readMaxTokens(body, 'max_tokens') ?? 16),
  };
}

/** The messages of a conversation. @throws ApiError */
export function readMessages(body: JsonBody): ChatMessage[] {
  const messages = body.array('messages');
  if (messages === undefined) throw body.missing('messages');
  if (messages.length === 0) {
    const message =
      'Cannot apply chat template to an empty conversation. Provide at least one message.';
    throw new ApiError(400, message);
  }
  return messages.map((value, i) => {
    const message = JsonBody.of(value, `body.messages.${i}`);
    const role = message.string('role');
    if (role === undefined) throw message.missing('role');
    return { role, text: textOf(message.get('content')) + textOf(message.get('tool_calls')) };
  });
}

/** Content as text: text parts as they are, anything else by its JSON, so that equal parts render equally. */
function textOf(content: unknown): string {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map(textOf).join('');
  if (isObject(content) && typeof content['text'] === 'string') return content['text'];
  return JSON.stringify(content);
}

/** `prompt`: a text, token ids, or a list of either. @throws ApiError */
export function readPrompts(prompt: unknown, name = 'prompt'): Uint32Array[] {
  if (prompt === undefined || prompt === '' || (Array.isArray(prompt) && prompt.length === 0)) {
    const message = `Either ${name} or ${name}_embeds must be provided and non-empty.`;
    throw invalidParameter(message, name);
  }
  const several = Array.isArray(prompt) && typeof prompt[0] !== 'number';
  return (several ? (prompt as readonly unknown[]) : [prompt]).map((one) => {
    if (typeof one === 'string' && one !== '') return tokenize(one);
    if (Array.isArray(one) && one.length > 0) return readTokenIds(one);
    throw invalidParameter(`Each ${name} must be a non-empty string or list of token ids.`, name);
  });
}

function readTokenIds(ids: readonly unknown[]): Uint32Array {
  const wrong = ids.find((id) => typeof id !== 'number' || id >>> 0 !== id);
  if (wrong !== undefined)
    throw new ApiError(400, `Token id ${JSON.stringify(wrong)} is out of vocabulary`);
  return Uint32Array.from(ids as readonly number[]);
}

function readMaxTokens(body: JsonBody, name: string): number | undefined {
  const value = body.integer(name);
  if (value !== undefined && value < 1) {
    throw invalidParameter(`${name} must be at least 1, got ${value}.`, name, String(value));
  }
  return value;
}

function readCommon(body: JsonBody, maxTokens: number | undefined) {
  const temperature = body.number('temperature');
  if (temperature !== undefined && temperature < 0) {
    const value = Number.isInteger(temperature) ? `${temperature}.0` : String(temperature);
    throw invalidParameter(`temperature must be non-negative, got ${value}.`, 'temperature', value);
  }
  const n = body.integer('n') ?? 1;
  if (n !== 1) throw invalidParameter(`n must be 1, got ${n}.`, 'n', String(n));
  const stream = body.boolean('stream') ?? false;
  const streamOptions = body.object('stream_options');
  if (streamOptions !== undefined && !stream) {
    throw invalidParameter(
      'Stream options can only be defined when `stream=True`.',
      'stream_options',
    );
  }
  const includeUsage = streamOptions?.boolean('include_usage') ?? false;
  return {
    model: body.string('model'),
    maxTokens,
    ignoreEos: body.boolean('ignore_eos') ?? false,
    seed: body.integer('seed'),
    cacheSalt: body.string('cache_salt'),
    stream,
    includeUsage,
    continuousUsage: includeUsage && (streamOptions?.boolean('continuous_usage_stats') ?? false),
    returnTokenIds: body.boolean('return_token_ids') ?? false,
  };
}
