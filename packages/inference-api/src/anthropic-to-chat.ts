// SPDX-License-Identifier: Apache-2.0
import {
  isArray,
  isObject,
  writePythonJson,
  type JsonObject,
  type JsonText,
} from './json/json-text.ts';

/** Claude Code puts a line with a hash of each request first, which would keep any two prompts apart. */
const BILLING_HEADER = 'x-anthropic-billing-header';
/** Stands for the id that an engine would make up: as long, but always the same. */
const NO_ID = 'call_0000000000';

/**
 * The chat request that vLLM makes of an Anthropic one, as far as the prompt depends on it. `request` is the parsed
 * body; what has an unexpected shape is left out, as the engine will judge it anyway.
 */
export function anthropicToChat(request: JsonText): JsonObject {
  if (!isObject(request)) return { messages: [] };
  const { system, messages, tools, chat_template_kwargs: templateArguments } = request;
  const given = isArray(messages) ? messages.filter(isObject) : [];
  const systemText = [
    systemTextOf(system),
    ...given.filter(({ role }) => role === 'system').map(({ content }) => systemTextOf(content)),
  ].join('');
  const effort = isObject(request['output_config'])
    ? request['output_config']['effort']
    : undefined;
  return {
    messages: [
      ...(systemText === '' ? [] : [{ role: 'system', content: systemText }]),
      ...given.filter(({ role }) => role !== 'system').flatMap(chatMessages),
    ],
    ...(isArray(tools) && tools.length > 0 && { tools: tools.filter(isObject).map(chatTool) }),
    ...(templateArguments !== undefined && { chat_template_kwargs: templateArguments }),
    ...(effort !== undefined && { reasoning_effort: effort }),
  };
}

function systemTextOf(content: JsonText | undefined): string {
  if (typeof content === 'string') return content;
  if (!isArray(content)) return '';
  return content
    .filter(isObject)
    .map((block) => (block['type'] === 'text' ? stringOf(block['text']) : ''))
    .filter((text) => !text.startsWith(BILLING_HEADER))
    .join('');
}

/** One message, after what the tools returned that it carries. */
function chatMessages({ role = '', content }: JsonObject): JsonObject[] {
  if (!isArray(content)) return [{ role, content: content ?? '' }];
  const before: JsonObject[] = [];
  const parts: JsonObject[] = [];
  const toolCalls: JsonObject[] = [];
  let reasoning: string | undefined;
  for (const block of content.filter(isObject)) {
    switch (block['type']) {
      case 'text':
        if (stringOf(block['text']) !== '') parts.push(textPart(stringOf(block['text'])));
        break;
      case 'image':
        if (isObject(block['source'])) parts.push(imagePart(block['source']));
        break;
      case 'thinking':
        reasoning = (reasoning ?? '') + stringOf(block['thinking']);
        break;
      case 'tool_use':
        toolCalls.push(toolCall(block));
        break;
      case 'tool_result':
        if (role === 'user') before.push(...toolResult(block));
        else parts.push(textPart(`Tool result: ${textOfResult(block['content'])}`));
        break;
    }
  }
  const [only] = parts;
  const said = parts.length === 1 && only?.['type'] === 'text' ? (only['text'] ?? '') : parts;
  // What a user message says may be nothing but what tools returned.
  if (role === 'user' && parts.length === 0) return before;
  return [
    ...before,
    {
      role,
      ...(reasoning !== undefined && { reasoning }),
      ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
      ...(parts.length > 0 && { content: said }),
    },
  ];
}

const textPart = (text: string): JsonObject => ({ type: 'text', text });

function imagePart(source: JsonObject): JsonObject {
  const url =
    source['type'] === 'url'
      ? stringOf(source['url'])
      : `data:${stringOf(source['media_type'], 'image/jpeg')};base64,${stringOf(source['data'])}`;
  return { type: 'image_url', image_url: { url } };
}

function toolCall({ id, name, input }: JsonObject): JsonObject {
  const given = isObject(input) || isArray(input) ? input : {};
  return {
    id: stringOf(id, NO_ID),
    type: 'function',
    function: { name: stringOf(name), arguments: writePythonJson(given) },
  };
}

/** What a tool returned: its text as the tool's message, its pictures as the user's. */
function toolResult({ tool_use_id: id, content }: JsonObject): JsonObject[] {
  const items = isArray(content) ? content.filter(isObject) : [];
  const images = items.flatMap(({ type, source }) =>
    type === 'image' && isObject(source) ? [imagePart(source)] : [],
  );
  return [
    { role: 'tool', tool_call_id: stringOf(id), content: textOfResult(content) },
    ...(images.length > 0 ? [{ role: 'user', content: images }] : []),
  ];
}

function textOfResult(content: JsonText | undefined): string {
  if (!isArray(content)) return stringOf(content);
  return content
    .filter(isObject)
    .filter(({ type }) => type === 'text')
    .map(({ text }) => stringOf(text))
    .join('\n');
}

function chatTool(tool: JsonObject): JsonObject {
  const { name, description, input_schema: schema } = tool;
  return {
    type: 'function',
    function: {
      name: stringOf(name),
      ...(stringOf(description) !== '' && { description: stringOf(description) }),
      parameters: isObject(schema) ? schema : { type: 'object' },
      ...(typeof tool['strict'] === 'boolean' && { strict: tool['strict'] }),
    },
  };
}

const stringOf = (value: JsonText | undefined, otherwise = ''): string =>
  typeof value === 'string' && value !== '' ? value : otherwise;
