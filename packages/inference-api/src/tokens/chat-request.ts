// SPDX-License-Identifier: Apache-2.0
import { isArray, isObject, type JsonObject, type JsonText } from '../json/json-text.ts';
import { chatMessages, chatTools, developersAsSystem } from './chat-messages.ts';
import type { ChatTemplate } from './template/chat-template.ts';
import type { ContentFormat } from './template/content-format.ts';
import { invalidPrompt, TokenizerError, unsupportedPrompt } from './tokenizer-error.ts';

/** What a template is given besides the conversation, as the fields of a chat request of the same names. */
export interface ChatOptions {
  readonly tools?: JsonText;
  readonly documents?: JsonText;
  /** Whether the answer is begun for the model. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** Whether the model goes on with the last message. Default false. */
  readonly continueFinalMessage?: boolean;
  /** Variables of the template. Default none. */
  readonly chatTemplateKwargs?: JsonObject;
  readonly reasoningEffort?: JsonText;
}

/** What of rendering is the server's to decide. */
export interface ChatSettings {
  /** How content is given to the template; vLLM's `--chat-template-content-format`. Default by the template. */
  readonly contentFormat?: ContentFormat;
  /** Variables of the template that requests do not set; vLLM's `--default-chat-template-kwargs`. Default none. */
  readonly defaultTemplateKwargs?: JsonObject;
  /** `bos_token` and its kind. */
  readonly specialTokens: Readonly<Record<string, string>>;
}

/** What stands where a final message ends that is to be continued. */
const END_MARK = 'CONTINUE_FINAL_MESSAGE_TAG ';

/** The text of a conversation, by a template, as vLLM renders it. Throws a {@link TokenizerError}. */
export function renderChat(
  template: ChatTemplate,
  messages: JsonText | undefined,
  options: ChatOptions & { readonly settings: ChatSettings },
): string {
  const { settings, addGenerationPrompt = true, continueFinalMessage = false } = options;
  const format = settings.contentFormat ?? template.contentFormat;
  const given = chatMessages(messages, format);
  if (given.length === 0) throw invalidPrompt('messages is empty');
  const isTranslated = !template.knowsDeveloper && given.some(({ role }) => role === 'developer');
  const conversation = isTranslated ? developersAsSystem(given) : given;
  const { tools, documents = null, ...rest } = templateArguments(options);
  const variables = {
    ...settings.specialTokens,
    ...rest,
    tools: tools ?? null,
    documents,
    add_generation_prompt: addGenerationPrompt,
  };
  if (!continueFinalMessage) return template.render({ ...variables, messages: conversation });
  if (addGenerationPrompt) {
    throw invalidPrompt('a final message to be continued and a new one exclude each other');
  }
  return renderUnfinished(template, conversation, variables);
}

/** Variables by vLLM's precedence: the server's, the tools, the request's own arguments, the request's fields. */
function templateArguments({
  settings,
  tools,
  documents,
  chatTemplateKwargs = {},
  reasoningEffort,
}: ChatOptions & { readonly settings: ChatSettings }): Readonly<Record<string, JsonText>> {
  const forbidden = ['chat_template', 'tokenize'].find((name) => name in chatTemplateKwargs);
  if (forbidden !== undefined) {
    throw invalidPrompt(`chat_template_kwargs.${forbidden} is not for requests to set`);
  }
  const { add_generation_prompt: _, continue_final_message: __, ...own } = chatTemplateKwargs;
  const effort = given(reasoningEffort);
  return merge(settings.defaultTemplateKwargs, [
    { tools: chatTools(tools) },
    own,
    {
      documents,
      reasoning_effort: effort,
      ...(effort !== undefined &&
        !('enable_thinking' in own) && { enable_thinking: effort !== 'none' }),
    },
  ]);
}

const given = (value: JsonText | undefined): JsonText | undefined =>
  value === null || value === 'auto' ? undefined : value;

/** Later ones override; null and `auto` say nothing. */
function merge(
  first: JsonObject | undefined,
  later: readonly Readonly<Record<string, JsonText | undefined>>[],
): Readonly<Record<string, JsonText>> {
  const merged: Record<string, JsonText> = { ...first };
  for (const [name, value] of later.flatMap((values) => Object.entries(values))) {
    const said = given(value);
    if (said !== undefined) merged[name] = said;
  }
  return merged;
}

/** Renders up to the end of the last message, as transformers finds it. */
function renderUnfinished(
  template: ChatTemplate,
  conversation: readonly JsonObject[],
  variables: Readonly<Record<string, JsonText>>,
): string {
  const last = conversation.at(-1);
  const marked = last && withMark(last['content']);
  if (last === undefined || marked === undefined || !template.mentions('content')) {
    throw invalidPrompt('the final message has no text to be continued');
  }
  const messages = [...conversation.slice(0, -1), { ...last, content: marked.content }];
  const text = template.render({ ...variables, messages });
  const end = text.lastIndexOf(END_MARK.trim());
  if (end === -1 || !text.includes(marked.text.trim())) {
    throw new TokenizerError(
      'TEMPLATE_REFUSED',
      'the chat template drops text of the final message, which therefore cannot be continued',
    );
  }
  const before = text.slice(0, end);
  return text.startsWith(END_MARK, end) ? before : before.trimEnd();
}

function withMark(
  content: JsonText | undefined,
): { readonly content: JsonText; readonly text: string } | undefined {
  if (typeof content === 'string') return { content: content + END_MARK, text: content };
  if (!isArray(content)) return undefined;
  const at = content.findLastIndex((part) => isObject(part) && typeof part['text'] === 'string');
  const part = content[at];
  if (!isObject(part) || typeof part['text'] !== 'string') return undefined;
  const { text } = part;
  return { content: content.with(at, { ...part, text: text + END_MARK }), text };
}

/** The options of a chat request's body. Throws a {@link TokenizerError} for what is not rendered here. */
export function chatOptionsOf(body: JsonObject): ChatOptions {
  for (const name of ['chat_template', 'truncate_prompt_tokens'] as const) {
    if ((body[name] ?? null) !== null) throw unsupportedPrompt(name);
  }
  const kwargs = body['chat_template_kwargs'] ?? null;
  if (kwargs !== null && !isObject(kwargs)) {
    throw invalidPrompt('chat_template_kwargs is not an object');
  }
  const { tools, documents, reasoning_effort: reasoningEffort } = body;
  return {
    ...(tools !== undefined && { tools }),
    ...(documents !== undefined && { documents }),
    ...(reasoningEffort !== undefined && { reasoningEffort }),
    ...(kwargs !== null && { chatTemplateKwargs: kwargs }),
    addGenerationPrompt: flag(body, 'add_generation_prompt', true),
    continueFinalMessage: flag(body, 'continue_final_message', false),
  };
}

/** A boolean member of a request. Throws a {@link TokenizerError} where it is something else. */
export function flag(body: JsonObject, name: string, otherwise: boolean): boolean {
  const value = body[name] ?? otherwise;
  if (typeof value !== 'boolean') throw invalidPrompt(`${name} is not a boolean`);
  return value;
}
