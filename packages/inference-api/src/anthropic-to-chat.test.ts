import { describe, expect, test } from 'vitest';
import { anthropicToChat } from './anthropic-to-chat.ts';
import { parseJsonText, writeJsonText } from './json/json-text.ts';

const convert = (request: object): unknown =>
  JSON.parse(writeJsonText(anthropicToChat(parseJsonText(JSON.stringify(request)))));
const messagesOf = (...messages: object[]) =>
  (convert({ messages }) as { readonly messages: unknown }).messages;
const picture = {
  type: 'image',
  source: { type: 'base64', media_type: 'image/png', data: 'QQ==' },
};
const pictureUrl = { type: 'image_url', image_url: { url: 'data:image/png;base64,QQ==' } };

describe('the system prompt', () => {
  test.each([
    ['text', 'Be brief.', 'Be brief.'],
    [
      'blocks without a space, and without the line that changes with every request',
      [
        { type: 'text', text: 'x-anthropic-billing-header: cch=1;' },
        { type: 'text', text: 'Be ' },
        { type: 'text', text: 'brief.' },
      ],
      'Be brief.',
    ],
  ])('is joined from %s', (_, system, content) => {
    expect(convert({ system, messages: [{ role: 'user', content: 'Hi' }] })).toEqual({
      messages: [
        { role: 'system', content },
        { role: 'user', content: 'Hi' },
      ],
    });
  });

  test('has what messages of that role say, too', () => {
    expect(
      messagesOf({ role: 'user', content: 'Hi' }, { role: 'system', content: 'Be brief.' }),
    ).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ]);
  });
});

test.each<[string, object[], unknown]>([
  ['one text is a string', [{ type: 'text', text: 'Hi' }], 'Hi'],
  [
    'pictures are data URLs',
    [{ type: 'text', text: 'What is it?' }, picture],
    [{ type: 'text', text: 'What is it?' }, pictureUrl],
  ],
  [
    'pictures elsewhere keep their address',
    [{ type: 'image', source: { type: 'url', url: 'http://x/y' } }],
    [{ type: 'image_url', image_url: { url: 'http://x/y' } }],
  ],
  [
    'a picture of no type is a JPEG',
    [{ type: 'image', source: { data: 'QQ==' } }],
    [{ type: 'image_url', image_url: { url: 'data:image/jpeg;base64,QQ==' } }],
  ],
])('%s', (_, content, expected) => {
  expect(messagesOf({ role: 'user', content })).toEqual([{ role: 'user', content: expected }]);
});

test('thinking and calls of tools are the assistant’s, their arguments as Python writes them', () => {
  const content = [
    { type: 'thinking', thinking: 'Let me ' },
    { type: 'thinking', thinking: 'see.' },
    { type: 'redacted_thinking', data: 'opaque' },
    { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Zürich', days: 2 } },
    { type: 'tool_use', name: 'now', input: {} },
  ];
  expect(messagesOf({ role: 'assistant', content })).toEqual([
    {
      role: 'assistant',
      reasoning: 'Let me see.',
      tool_calls: [
        {
          id: 'call_1',
          type: 'function',
          function: { name: 'weather', arguments: '{"city": "Z\\u00fcrich", "days": 2}' },
        },
        { id: 'call_0000000000', type: 'function', function: { name: 'now', arguments: '{}' } },
      ],
    },
  ]);
});

test('what tools returned comes before what the user says', () => {
  const result = { type: 'tool_result', tool_use_id: 'call_1' };
  expect(
    messagesOf({
      role: 'user',
      content: [
        { type: 'text', text: 'Thanks' },
        { ...result, content: [{ type: 'text', text: 'a' }, picture, { type: 'text', text: 'b' }] },
      ],
    }),
  ).toEqual([
    { role: 'tool', tool_call_id: 'call_1', content: 'a\nb' },
    { role: 'user', content: [pictureUrl] },
    { role: 'user', content: 'Thanks' },
  ]);
  expect(messagesOf({ role: 'user', content: [{ ...result, content: 'done' }] })).toEqual([
    { role: 'tool', tool_call_id: 'call_1', content: 'done' },
  ]);
  expect(messagesOf({ role: 'assistant', content: [{ ...result, content: 'done' }] })).toEqual([
    { role: 'assistant', content: 'Tool result: done' },
  ]);
});

test('tools keep their schema to the letter', () => {
  const text =
    '{"messages":[],"tools":[{"name":"run","description":"Runs.","strict":true,' +
    '"input_schema":{"z":1.0,"a":2}},{"name":"stop"}],"chat_template_kwargs":{"x":1}}';
  expect(writeJsonText(anthropicToChat(parseJsonText(text)))).toBe(
    '{"messages":[],"tools":[' +
      '{"type":"function","function":{"name":"run","description":"Runs.","parameters":{"z":1.0,"a":2},"strict":true}},' +
      '{"type":"function","function":{"name":"stop","parameters":{"type":"object"}}}],"chat_template_kwargs":{"x":1}}',
  );
});

test('what makes no sense is left out', () => {
  expect(convert({ messages: [1, { role: 'user', content: [2, { type: 'new' }] }] })).toEqual({
    messages: [],
  });
  expect(convert([])).toEqual({ messages: [] });
});
