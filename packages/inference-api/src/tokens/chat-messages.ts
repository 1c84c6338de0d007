// SPDX-License-Identifier: Apache-2.0
import {
  isArray,
  isObject,
  parseJsonText,
  type JsonObject,
  type JsonText,
} from '../json/json-text.ts';
import type { ContentFormat } from './template/content-format.ts';
import { invalidPrompt, unsupportedPrompt } from './tokenizer-error.ts';

/** Claude Code puts a line with a hash of each request first, which would keep any two prompts apart. */
const BILLING_HEADER = 'x-anthropic-billing-header';

/**
 * The messages of a chat request as vLLM (0.32) hands them to a template: only the members it knows, in its order;
 * content as one string or as parts; arguments of calls as objects. Throws a TokenizerError for media
 * (`PROMPT_UNSUPPORTED`) and for what vLLM refuses (`PROMPT_INVALID`).
 */
export function chatMessages(messages: JsonText | undefined, format: ContentFormat): JsonObject[] {
  if (!isArray(messages)) throw invalidPrompt('messages is not an array');
  return messages.map((message, i) => chatMessage(message, format, `messages[${i}]`));
}

function chatMessage(message: JsonText, format: ContentFormat, path: string): JsonObject {
  if (!isObject(message)) throw invalidPrompt(`${path} is not an object`);
  const { role, name, task } = message;
  if (typeof role !== 'string') throw invalidPrompt(`${path}.role is not a string`);
  const parts = partsOf(message['content'], path);
  const told = role === 'system' ? parts.flatMap(withoutBillingHeader) : parts;
  return {
    role,
    content: role === 'tool' ? told.join('\n') : contentOf(told, format),
    ...(role === 'assistant' && assistantMembers(message, path)),
    ...(role === 'tool' &&
      typeof message['tool_call_id'] === 'string' && { tool_call_id: message['tool_call_id'] }),
    ...(typeof name === 'string' && { name }),
    ...(typeof task === 'string' && { task }),
    ...(role === 'developer' && { tools: message['tools'] ?? null }),
  };
}

const contentOf = (parts: readonly string[], format: ContentFormat): JsonText =>
  format === 'string' ? parts.join('\n') : parts.map((text) => ({ type: 'text', text }));

/** The texts of a message. */
function partsOf(content: JsonText | undefined, path: string): readonly string[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return [content];
  if (!isArray(content)) throw invalidPrompt(`${path}.content is neither a string nor parts`);
  return content.map((part, i) => partText(part, `${path}.content[${i}]`));
}

/** Which member of a part holds its text. */
const textMembers: Readonly<Record<string, string>> = {
  text: 'text',
  refusal: 'refusal',
  thinking: 'thinking',
};

function partText(part: JsonText, path: string): string {
  if (typeof part === 'string') return part;
  if (!isObject(part)) throw invalidPrompt(`${path} is no content part`);
  const { type } = part;
  const member = typeof type === 'string' ? textMembers[type] : undefined;
  if (member === undefined) {
    throw unsupportedPrompt(`${path} is of type ${typeof type === 'string' ? type : 'unknown'}`);
  }
  const text = part[member];
  if (typeof text !== 'string') throw invalidPrompt(`${path}.${member} is not a string`);
  return text;
}

/** What is left of a system text: of one that begins with the line, what follows it. */
function withoutBillingHeader(text: string): readonly string[] {
  if (!text.startsWith(BILLING_HEADER)) return [text];
  const end = text.indexOf('\n');
  return end === -1 || end === text.length - 1 ? [] : [text.slice(end + 1)];
}

function assistantMembers(message: JsonObject, path: string): JsonObject {
  const calls = message['tool_calls'] ?? null;
  if (calls !== null && !isArray(calls)) throw invalidPrompt(`${path}.tool_calls is not an array`);
  const reasoning = message['reasoning'] ?? message['reasoning_content'] ?? null;
  return {
    ...(calls !== null &&
      calls.length > 0 && {
        tool_calls: calls.map((call, i) => toolCall(call, `${path}.tool_calls[${i}]`)),
      }),
    ...(reasoning !== null && { reasoning, reasoning_content: reasoning }),
  };
}

function toolCall(call: JsonText, path: string): JsonObject {
  if (!isObject(call)) throw invalidPrompt(`${path} is not an object`);
  const { id, type = 'function', function: called } = call;
  if (type !== 'function' || !isObject(called)) throw unsupportedPrompt(`${path} is no function`);
  const { name, arguments: given } = called;
  if (typeof id !== 'string' || typeof name !== 'string') {
    throw invalidPrompt(`${path} has no id or no name`);
  }
  return { id, function: { arguments: argumentsOf(given), name }, type };
}

/** Templates want an object; what is none stays out rather than to spoil all further turns. */
function argumentsOf(given: JsonText | undefined): JsonText {
  if (isObject(given)) return given;
  if (typeof given !== 'string') return {};
  try {
    const parsed = parseJsonText(given);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

/** For a template that does not know developers: their words, and all of the system's, as one message in front. */
export function developersAsSystem(messages: readonly JsonObject[]): readonly JsonObject[] {
  const isSystem = ({ role }: JsonObject) => role === 'system' || role === 'developer';
  const system = messages.filter(isSystem);
  const isInPlace = system.length === 1 && messages[0] === system[0];
  if (isInPlace) {
    return messages.map((message) => (isSystem(message) ? asSystem(message) : message));
  }
  const content = system
    .map(({ content: told }) => textOf(told ?? ''))
    .filter((text) => text !== '')
    .join('\n\n');
  return [{ role: 'system', content }, ...messages.filter((message) => !isSystem(message))];
}

function asSystem(message: JsonObject): JsonObject {
  const members = Object.entries(message).filter(([name]) => name !== 'tools');
  return { ...Object.fromEntries(members), role: 'system' };
}

const textOf = (content: JsonText): string =>
  isArray(content)
    ? content.map((part) => textOf(isObject(part) ? (part['text'] ?? '') : '')).join('\n')
    : typeof content === 'string'
      ? content
      : '';

/**
 * Tools as vLLM dumps them: type and function, of a function name, description and parameters even where they are
 * null, `strict` and `defer_loading` only where they are given.
 */
export function chatTools(tools: JsonText | undefined): readonly JsonObject[] | undefined {
  if (tools === undefined || tools === null) return undefined;
  if (!isArray(tools)) throw invalidPrompt('tools is not an array');
  return tools.map((tool, i) => chatTool(tool, `tools[${i}]`));
}

function chatTool(tool: JsonText, path: string): JsonObject {
  if (!isObject(tool)) throw invalidPrompt(`${path} is not an object`);
  const { type = 'function', function: given, defer_loading: deferred = null } = tool;
  if (type !== 'function' || !isObject(given)) throw unsupportedPrompt(`${path} is no function`);
  const { name = null, description = null, parameters = null, strict = null } = given;
  const later = given['defer_loading'] ?? deferred;
  return {
    type,
    function: {
      name,
      description,
      parameters,
      ...(strict !== null && { strict }),
      ...(later !== null && { defer_loading: later }),
    },
    ...(deferred !== null && { defer_loading: deferred }),
  };
}
