import { expect, test } from 'vitest';
import { parseJsonText, writeJsonText } from '../json/json-text.ts';
import { chatMessages, chatTools, developersAsSystem } from './chat-messages.ts';

const messages = (format: 'string' | 'openai', ...given: object[]): unknown =>
  JSON.parse(writeJsonText(chatMessages(parseJsonText(JSON.stringify(given)), format)));
const call = { type: 'function', function: { name: 'f', arguments: '{"a":1}' }, id: 'x', index: 0 };

// As vLLM's own functions have it, which were run on each of these.
test.each<[string, object, unknown, unknown]>([
  [
    'calls are in order, without what is not known',
    { role: 'assistant', content: null, tool_calls: [call], refusal: null, odd: 1 },
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id: 'x', function: { arguments: { a: 1 }, name: 'f' }, type: 'function' }],
    },
    {
      role: 'assistant',
      content: [],
      tool_calls: [{ id: 'x', function: { arguments: { a: 1 }, name: 'f' }, type: 'function' }],
    },
  ],
  [
    'parts of text',
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a', cache_control: {} },
        'b',
        { type: 'refusal', refusal: 'c' },
      ],
      name: 'bob',
    },
    { role: 'user', content: 'a\nb\nc', name: 'bob' },
    { role: 'user', content: ['a', 'b', 'c'].map((text) => ({ type: 'text', text })), name: 'bob' },
  ],
  [
    'what a tool returned is always a string',
    {
      role: 'tool',
      content: [
        { type: 'text', text: 'r' },
        { type: 'text', text: 's' },
      ],
      tool_call_id: 'x',
    },
    { role: 'tool', content: 'r\ns', tool_call_id: 'x' },
    { role: 'tool', content: 'r\ns', tool_call_id: 'x' },
  ],
  [
    'a developer may bring tools',
    { role: 'developer', content: 'd' },
    { role: 'developer', content: 'd', tools: null },
    { role: 'developer', content: [{ type: 'text', text: 'd' }], tools: null },
  ],
  [
    'reasoning has two names, no calls are none',
    { role: 'assistant', content: 'hi', reasoning_content: 'r', tool_calls: [] },
    { role: 'assistant', content: 'hi', reasoning: 'r', reasoning_content: 'r' },
    {
      role: 'assistant',
      content: [{ type: 'text', text: 'hi' }],
      reasoning: 'r',
      reasoning_content: 'r',
    },
  ],
  ['no content', { role: 'user' }, { role: 'user', content: '' }, { role: 'user', content: [] }],
])('%s', (_, given, asString, asParts) => {
  expect(messages('string', given)).toEqual([asString]);
  expect(messages('openai', given)).toEqual([asParts]);
});

test.each<[string, object, string]>([
  [
    'a picture',
    { role: 'user', content: [{ type: 'image_url' }] },
    'messages[0].content[0] is of type image_url',
  ],
  ['a part of no type', { role: 'user', content: [{ text: 'x' }] }, 'type unknown'],
  [
    'a text that is none',
    { role: 'user', content: [{ type: 'text' }] },
    'messages[0].content[0].text',
  ],
  ['a number', { role: 'user', content: 5 }, 'neither a string nor parts'],
  ['a call of no id', { role: 'assistant', tool_calls: [{ ...call, id: null }] }, 'tool_calls[0]'],
  [
    'a call of something else',
    { role: 'assistant', tool_calls: [{ type: 'custom', id: 'x' }] },
    'no function',
  ],
])('%s is refused', (_, given, message) => {
  expect(() => messages('string', given)).toThrow(message);
});

test('tools have their members in order, null where there is none, and no others', () => {
  const tools =
    '[{"function":{"parameters":{"z":1.0},"name":"n","odd":1},"odd":2},{"type":"function","function":{"name":"m","strict":true,"description":"d"},"defer_loading":true}]';
  expect(writeJsonText(chatTools(parseJsonText(tools)) ?? [])).toBe(
    '[{"type":"function","function":{"name":"n","description":null,"parameters":{"z":1.0}}},' +
      '{"type":"function","function":{"name":"m","description":"d","parameters":null,"strict":true,"defer_loading":true},"defer_loading":true}]',
  );
  expect(chatTools(null)).toBeUndefined();
});

test('a developer in the first place just becomes the system', () => {
  const conversation = [
    { role: 'developer', content: [{ type: 'text', text: 'd' }], tools: null },
    { role: 'user', content: 'x' },
  ];
  expect(developersAsSystem(conversation)).toEqual([
    { role: 'system', content: [{ type: 'text', text: 'd' }] },
    { role: 'user', content: 'x' },
  ]);
});

test('several systems become one, in front', () => {
  const conversation = [
    { role: 'user', content: 'x' },
    {
      role: 'developer',
      content: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    },
    { role: 'system', content: '' },
    { role: 'system', content: 'c' },
  ];
  expect(developersAsSystem(conversation)).toEqual([
    { role: 'system', content: 'a\nb\n\nc' },
    { role: 'user', content: 'x' },
  ]);
});
