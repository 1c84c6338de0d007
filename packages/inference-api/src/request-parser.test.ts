import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ApiKind } from './api-descriptor.ts';
import { apiOfPath } from './api.ts';
import { cutAt } from './chunk-list.ts';
import type { ByteSpan, ParsedRequest } from './parsed-request.ts';
import { createRequestParser, parseRequest } from './request-parser.ts';

function bodyOf(value: unknown): Buffer {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

function parse(api: ApiKind, value: unknown): ParsedRequest {
  const result = parseRequest(api, bodyOf(value));
  if (!result.ok) throw new Error(result.error.message);
  return result.request;
}

function errorOf(api: ApiKind, value: unknown) {
  const result = parseRequest(api, bodyOf(value));
  if (result.ok) throw new Error('the body was accepted');
  return result.error;
}

function textOf({ prompt }: ParsedRequest): string | undefined {
  return prompt.kind === 'text' ? Buffer.from(prompt.bytes).toString() : undefined;
}

function slice(value: unknown, span: ByteSpan | undefined): string | undefined {
  return span && bodyOf(value).subarray(span.start, span.end).toString();
}

/** A request as it was captured: its path and its body. */
function captured(name: string): { api: ApiKind; body: Buffer } {
  const bytes = readFileSync(new URL(`./testdata/${name}.req.http`, import.meta.url));
  const path = bytes.toString('latin1').split(' ', 2)[1] ?? '';
  const api = apiOfPath(path);
  if (api === undefined) throw new Error(`${name} asks for ${path}`);
  return { api, body: bytes.subarray(bytes.indexOf('\r\n\r\n') + 4) };
}

const user = (content: unknown) => ({ role: 'user', content });

describe('a captured request', () => {
  test.each([
    ['chat', 'tiny', 6, 'systemYou are a helpful assistantuserHello world'],
    ['chat_content_parts', 'tiny', 6, undefined],
    ['messages', 'tiny', 6, 'userHello world'],
    ['responses', 'tiny', 6, 'Hello world'],
    ['tokenize_chat', 'tiny', undefined, 'systemYou are a helpful assistantuserHello world'],
    ['err_no_model', undefined, 2, undefined],
  ])('%s gives its model, limit and text', (name, model, maxOutputTokens, text) => {
    const { api, body } = captured(name);
    const result = parseRequest(api, body);
    expect(result).toMatchObject({
      ok: true,
      request: { model, maxOutputTokens, bodyBytes: body.length },
    });
    if (result.ok && text !== undefined) expect(textOf(result.request)).toBe(text);
  });

  test('streams and wants usage if it says so', () => {
    const { api, body } = captured('chat_stream_usage');
    expect(parseRequest(api, body)).toMatchObject({
      request: { stream: true, includeUsage: true },
    });
    const plain = captured('chat');
    expect(parseRequest(plain.api, plain.body)).toMatchObject({
      request: { stream: false, includeUsage: false },
    });
  });

  test('of token ids gives the ids', () => {
    const { api, body } = captured('generate');
    expect(parse(api, body.toString()).prompt).toEqual({
      kind: 'tokens',
      ids: Uint32Array.of(1, 100, 200, 300),
    });
  });

  test.each([
    ['err_bad_json', 'invalid_json', null],
    ['err_wrong_type', 'invalid_type', 'max_tokens'],
    ['err_missing_messages', 'missing_required_parameter', 'messages'],
    ['err_empty_messages', 'invalid_value', 'messages'],
    ['err_missing_prompt', 'missing_required_parameter', 'prompt'],
    ['err_empty_prompt', 'invalid_value', 'prompt'],
  ])('%s, which vLLM refuses with 400, is refused as %s', (name, code, param) => {
    const { api, body } = captured(name);
    expect(parseRequest(api, body)).toMatchObject({
      ok: false,
      error: { status: 400, type: 'invalid_request_error', code, param },
    });
  });

  test('reads the same in one piece and byte by byte', () => {
    const names = readdirSync(new URL('./testdata/', import.meta.url))
      .filter((name) => name.endsWith('.req.http'))
      .map((name) => name.replace('.req.http', ''));
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const { api, body } = captured(name);
      const parser = createRequestParser({ api });
      for (const byte of cutAt(body, [...body.keys()])) parser.push(byte);
      expect(parser.end()).toEqual(parseRequest(api, body));
    }
  });
});

describe('the prompt', () => {
  test('of a chat is tools, then roles, texts and tool calls, whatever the order of keys', () => {
    const toolCalls = [{ id: 'a', function: { name: 'f', arguments: '{}' } }];
    const tools = [{ type: 'function', function: { name: 'f' } }];
    const turned = {
      messages: [
        { content: [{ text: 'a', type: 'text' }, 'b'], role: 'user' },
        { tool_calls: toolCalls, content: null, role: 'assistant' },
        { content: '12', tool_call_id: 'a', role: 'tool' },
      ],
      tools,
      model: 'm',
    };
    expect(textOf(parse('chat-completions', turned))).toBe(
      `${JSON.stringify(tools)}userabassistant${JSON.stringify(toolCalls)}tool12`,
    );
    const straight = {
      tools,
      messages: turned.messages.map(({ role, content, ...rest }) => ({ role, content, ...rest })),
    };
    expect(textOf(parse('chat-completions', straight))).toBe(
      textOf(parse('chat-completions', turned)),
    );
  });

  test('of Anthropic messages is tools, system, then the blocks', () => {
    const body = {
      messages: [
        user([
          { type: 'text', text: 'look' },
          { type: 'tool_result', content: [{ type: 'text', text: 'found' }] },
        ]),
        { role: 'assistant', content: [{ type: 'tool_use', name: 'f', input: { x: 1 } }] },
      ],
      system: [{ type: 'text', text: 'be kind', cache_control: { type: 'ephemeral' } }],
      tools: [{ name: 'f' }],
      max_tokens: 5,
    };
    expect(textOf(parse('messages', body))).toBe(
      '[{"name":"f"}]be kinduserlookfoundassistantf{"x":1}',
    );
    expect(textOf(parse('count-tokens', body))).toBe(textOf(parse('messages', body)));
  });

  test('of responses is tools, instructions, then the input', () => {
    const body = {
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
        { type: 'function_call', name: 'f', arguments: '{"a":1}', call_id: 'c' },
        { type: 'function_call_output', output: 'done', call_id: 'c' },
      ],
      instructions: 'short',
      tools: [],
    };
    expect(textOf(parse('responses', body))).toBe('[]shortuserhif{"a":1}done');
    expect(textOf(parse('responses', { input: 'hi', instructions: null }))).toBe('hi');
  });

  test.each<[string, unknown, unknown]>([
    ['a string', 'abc', 'abc'],
    ['strings', ['ab', 'c'], 'abc'],
    ['token ids', [1, 2, 4294967295], [1, 2, 4294967295]],
    ['arrays of token ids', [[1, 2], [], [3]], [1, 2, 3]],
  ])('of a completion may be %s', (_what, prompt, expected) => {
    const read = parse('completions', { prompt });
    if (read.prompt.kind === 'tokens') expect([...read.prompt.ids]).toEqual(expected);
    else expect(textOf(read)).toBe(expected);
  });

  test('of SGLang may be a text or ids', () => {
    expect(textOf(parse('sglang-generate', { text: 'abc', sampling_params: {} }))).toBe('abc');
    expect(parse('sglang-generate', { input_ids: [[1], [2]] }).prompt).toEqual({
      kind: 'tokens',
      ids: Uint32Array.of(1, 2),
    });
  });

  test('is none where embeddings or an earlier turn stand for it', () => {
    expect(parse('completions', { prompt_embeds: 'AAAA' }).prompt).toEqual({ kind: 'none' });
    expect(parse('completions', { prompt: '', prompt_embeds: 'AAAA' }).prompt).toEqual({
      kind: 'none',
    });
    expect(parse('responses', { previous_response_id: 'r' }).prompt).toEqual({ kind: 'none' });
  });

  test('unescapes what is escaped, lone surrogates to U+FFFD', () => {
    const body = String.raw`{"prompt":"\u0041\n\"\\\/\u00e9\u20ac\ud83d\ude00\ud83d.\udc00"}`;
    expect(textOf(parse('completions', body))).toBe('A\n"\\/é€😀\ufffd.\ufffd');
  });

  test('of any messages is the texts JSON.parse gives, at any chunking', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const content = fc.oneof(
      text,
      fc.constant(null),
      fc.array(fc.oneof(text, fc.record({ type: fc.constant('text'), text })), { maxLength: 4 }),
    );
    const message = fc.record({ role: fc.constantFrom('system', 'user'), name: text, content });
    const cuts = fc.array(fc.nat({ max: 600 }), { maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 5 }),
        text,
        cuts,
        (messages, model, offsets) => {
          const parser = createRequestParser({ api: 'chat-completions' });
          for (const chunk of cutAt(bodyOf({ messages, model }), offsets)) parser.push(chunk);
          const result = parser.end();
          const expected = messages.map(({ role, content: value }) =>
            [
              role,
              ...[value ?? ''].flat().map((part) => (typeof part === 'string' ? part : part.text)),
            ].join(''),
          );
          expect(result).toMatchObject({ ok: true, request: { model: model.toWellFormed() } });
          if (result.ok) expect(textOf(result.request)).toBe(expected.join('').toWellFormed());
        },
      ),
    );
  });
});

describe('the last of several members with one name counts', () => {
  test.each<[ApiKind, string, Partial<ParsedRequest>, string]>([
    ['completions', '{"model":"a","prompt":"x","prompt":"y","model":"b"}', { model: 'b' }, 'y'],
    ['completions', '{"prompt":"x","model":"a","model":null}', { model: undefined }, 'x'],
    ['completions', '{"prompt":"x","stream":true,"stream":null}', { stream: false }, 'x'],
    [
      'completions',
      '{"prompt":"x","max_tokens":5,"max_tokens":null}',
      { maxOutputTokens: undefined },
      'x',
    ],
    [
      'completions',
      '{"prompt":"x","stream_options":{"include_usage":true},"stream_options":{}}',
      { includeUsage: false },
      'x',
    ],
    [
      'chat-completions',
      '{"messages":[{"role":"q","content":"old"}],"messages":[{"content":["o"],"role":"r","content":"new"}]}',
      {},
      'rnew',
    ],
    [
      'chat-completions',
      '{"messages":[{"content":[{"text":"a","x":1,"text":"b"}]}],"tools":[1],"tools":[2]}',
      {},
      '[2]b',
    ],
    [
      'chat-completions',
      '{"messages":[{"role":"r","content":["x",{"text":"a"},{"text":"b","text":"c"},"d","e"]}]}',
      {},
      'rxacde',
    ],
  ])('%s %s', (api, body, expected, text) => {
    const request = parse(api, body);
    expect(request).toMatchObject(expected);
    expect(textOf(request)).toBe(text);
  });

  test('and token ids of the earlier one are gone', () => {
    expect(parse('vllm-generate', '{"token_ids":[1,2],"token_ids":[3]}').prompt).toEqual({
      kind: 'tokens',
      ids: Uint32Array.of(3),
    });
  });

  test('a prompt that ends up empty is refused', () => {
    expect(errorOf('completions', '{"prompt":"x","prompt":""}').param).toBe('prompt');
    expect(errorOf('completions', '{"prompt":"x","prompt":null}').code).toBe(
      'missing_required_parameter',
    );
  });
});

test('a name may be repeated often, but not without end', () => {
  const body = (times: number) => `{${'"model":"a",'.repeat(times)}"prompt":"x"}`;
  expect(parse('completions', body(101)).modelSpans).toHaveLength(101);
  expect(errorOf('completions', body(102))).toMatchObject({
    code: 'invalid_value',
    param: 'model',
    message: "'model' is one of more than 100 repeated members (byte 1213)",
  });
});

describe('limits and salts', () => {
  test.each<[ApiKind, object, number | undefined]>([
    ['chat-completions', { messages: [user('a')], max_tokens: 3, max_completion_tokens: 4 }, 4],
    ['chat-completions', { messages: [user('a')], max_tokens: 3, max_completion_tokens: null }, 3],
    ['completions', { prompt: 'a', max_tokens: 0 }, 0],
    ['completions', { prompt: 'a', max_tokens: -1 }, undefined],
    ['completions', { prompt: 'a' }, undefined],
    ['responses', { input: 'a', max_output_tokens: 7 }, 7],
    ['messages', { messages: [user('a')], max_tokens: 8 }, 8],
    ['vllm-generate', { token_ids: [1], sampling_params: { max_tokens: 9 } }, 9],
    ['sglang-generate', { text: 'a', sampling_params: { max_new_tokens: 10 } }, 10],
    ['sglang-generate', { text: ['a'], sampling_params: [{ max_new_tokens: 10 }] }, undefined],
  ])('%s %j', (api, body, expected) => {
    expect(parse(api, body).maxOutputTokens).toBe(expected);
  });

  test('an integer may be written in any way JSON has', () => {
    expect(parse('completions', '{"prompt":"a","max_tokens":1.6e1}').maxOutputTokens).toBe(16);
    expect(errorOf('completions', '{"prompt":"a","max_tokens":1.5}').param).toBe('max_tokens');
  });

  test('SGLang names its salt otherwise', () => {
    expect(parse('chat-completions', { messages: [user('a')], cache_salt: 's' }).cacheSalt).toBe(
      's',
    );
    expect(parse('sglang-generate', { text: 'a', extra_key: 's' }).cacheSalt).toBe('s');
    expect(parse('sglang-generate', { text: ['a'], extra_key: ['s'] }).cacheSalt).toBeUndefined();
  });
});

describe('media', () => {
  test('are listed with their kind, payload and place, and are no text', () => {
    const body = {
      messages: [
        user([
          { type: 'text', text: 'what is ' },
          { type: 'image_url', image_url: { detail: 'low', url: 'data:image/png;base64,AA==' } },
          { image_url: 'http://x/y.png' },
          { input_audio: { data: 'BB', format: 'wav' }, type: 'input_audio' },
          { type: 'video_url', video_url: { url: 'v' } },
          { type: 'text', text: '?' },
        ]),
      ],
    };
    const request = parse('chat-completions', body);
    expect(textOf(request)).toBe('userwhat is ?');
    expect(
      request.mediaItems.map(({ kind, payload, textOffset }) => [
        kind,
        slice(body, payload),
        textOffset,
      ]),
    ).toEqual([
      ['image', '"data:image/png;base64,AA=="', 12],
      ['image', '"http://x/y.png"', 12],
      ['audio', '"BB"', 12],
      ['video', '"v"', 12],
    ]);
  });

  test('of Anthropic, responses, SGLang and rendered requests are found too', () => {
    const anthropic = {
      messages: [user([{ type: 'image', source: { type: 'base64', data: 'QQ==' } }])],
    };
    const read = parse('messages', anthropic).mediaItems;
    expect(read).toMatchObject([{ kind: 'image' }]);
    expect(slice(anthropic, read[0]?.payload)).toBe('"QQ=="');
    const input = [{ role: 'user', content: [{ type: 'input_image', image_url: 'u' }] }];
    expect(parse('responses', { input }).mediaItems).toMatchObject([{ kind: 'image' }]);
    expect(
      parse('sglang-generate', { text: 'a', image_data: ['x', 'y'], audio_data: 'z' }).mediaItems,
    ).toMatchObject([{ kind: 'image' }, { kind: 'image' }, { kind: 'audio' }]);
    const rendered = { token_ids: [1], features: { mm_hashes: { image: ['h1', 'h2'] } } };
    const hashes = parse('vllm-generate', rendered).mediaItems;
    expect(hashes.map(({ payload }) => slice(rendered, payload))).toEqual(['"h1"', '"h2"']);
  });
});

describe('spans', () => {
  test('of the model are its literals, null included, and not the same bytes elsewhere', () => {
    const body =
      '{ "model" : "m\\u0031", "x":{"model":"m1"}, "prompt":"\\"model\\":\\"m1\\"", "mod\\u0065l":null}';
    const request = parse('completions', body);
    expect(request.model).toBeUndefined();
    expect(request.modelSpans.map((span) => slice(body, span))).toEqual(['"m\\u0031"', 'null']);
    expect(request.firstMemberOffset).toBe(1);
  });

  test('of transfer parameters cover key and value, however the key is spelled and where engines look for it', () => {
    const body =
      '{"prompt":"a","kv_transfer_params":{"do_remote_prefill":true},"ec_tr\\u0061nsfer_params":[1],' +
      '"vllm_xargs":{"kv_transfer_params":"x","y":1}}';
    expect(
      parse('completions', body).kvTransferParamSpans.map((span) => slice(body, span)),
    ).toEqual([
      '"kv_transfer_params":{"do_remote_prefill":true}',
      '"ec_tr\\u0061nsfer_params":[1]',
      '"kv_transfer_params":"x"',
    ]);
    const generate = '{"token_ids":[1],"sampling_params":{"extra_args":{"kv_transfer_params":{}}}}';
    expect(parse('vllm-generate', generate).kvTransferParamSpans).toHaveLength(1);
  });
});

describe('a bad request', () => {
  test.each<[ApiKind, unknown, string, string | null, string]>([
    [
      'chat-completions',
      { messages: [user('a')], model: 5 },
      'invalid_type',
      'model',
      `'model' must be a string, not a number (byte 52)`,
    ],
    [
      'chat-completions',
      { messages: 'a' },
      'invalid_type',
      'messages',
      `'messages' must be an array of messages, not a string (byte 12)`,
    ],
    [
      'chat-completions',
      { messages: [user('a'), user('b'), user(3)] },
      'invalid_type',
      'messages[2].content',
      `'messages[2].content' must be a string or an array of content parts, not a number (byte 98)`,
    ],
    [
      'chat-completions',
      { messages: [user([{ type: 'text', text: {} }])] },
      'invalid_type',
      'messages[0].content[0].text',
      `'messages[0].content[0].text' must be a string, not an object (byte 61)`,
    ],
    [
      'chat-completions',
      { messages: [null] },
      'invalid_type',
      'messages[0]',
      `'messages[0]' must be a message object, not null (byte 13)`,
    ],
    [
      'completions',
      { prompt: 'a', stream: 1 },
      'invalid_type',
      'stream',
      `'stream' must be true or false, not a number (byte 23)`,
    ],
    [
      'completions',
      { prompt: ['a', 1] },
      'invalid_type',
      'prompt[1]',
      `'prompt[1]' must be a string, like the items before it, not a number (byte 15)`,
    ],
    [
      'completions',
      { prompt: [1, -1] },
      'invalid_value',
      'prompt[1]',
      `'prompt[1]' must be a token id, a whole number from 0 to 4294967295 (byte 13)`,
    ],
    [
      'completions',
      { prompt: 'a', stream_options: { include_usage: 'yes' } },
      'invalid_type',
      'stream_options.include_usage',
      `'stream_options.include_usage' must be true or false, not a string (byte 48)`,
    ],
    [
      'completions',
      '[1]',
      'invalid_type',
      null,
      `the request body must be an object, not an array (byte 0)`,
    ],
    [
      'tokenize',
      { model: 'm' },
      'missing_required_parameter',
      'prompt',
      `the request has no 'prompt' or 'messages'`,
    ],
    [
      'completions',
      '{"prompt":"a",}',
      'invalid_json',
      null,
      `the request body is not acceptable JSON: expected a key but found '}' at byte 14`,
    ],
    [
      'completions',
      '{"prompt":"a"} x',
      'invalid_json',
      null,
      `the request body is not acceptable JSON: expected the end of the document but found 'x' at byte 15`,
    ],
  ])('to %s with %j is %s', (api, body, code, param, message) => {
    expect(errorOf(api, body)).toEqual({
      status: 400,
      type: 'invalid_request_error',
      code,
      param,
      message,
    });
  });

  test('that is no UTF-8 is refused, inside a string or cut by the end', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"prompt":"a'),
      Buffer.from([0xc3]),
      Buffer.from('"}'),
    ]);
    expect(parseRequest('completions', bytes)).toMatchObject({
      error: {
        code: 'invalid_utf8',
        status: 400,
        message: 'the request body is not UTF-8 at byte 12',
      },
    });
    expect(parseRequest('completions', bytes.subarray(0, 13))).toMatchObject({
      error: { code: 'invalid_utf8' },
    });
  });

  test('that is too large is refused with 413 before its end, and keeps nothing more', () => {
    const parser = createRequestParser({ api: 'completions', maxBodyBytes: 10 });
    parser.push(Buffer.from('{"prompt":'));
    expect(parser.error).toBeUndefined();
    parser.push(Buffer.from('"'));
    expect(parser.error).toMatchObject({ status: 413, code: 'body_too_large' });
    parser.push(Buffer.from('a"}'));
    expect(parser.chunks).toHaveLength(1);
    expect(parser.end()).toMatchObject({ ok: false, error: { status: 413 } });
  });

  test('that is nested too deep is refused', () => {
    const body = bodyOf({ prompt: 'a', x: [[[[]]]] });
    expect(parseRequest('completions', body, { maxDepth: 4 })).toMatchObject({
      error: { code: 'nesting_too_deep', status: 400 },
    });
    expect(parseRequest('completions', body, { maxDepth: 5 }).ok).toBe(true);
  });
});

test('chunks are kept as they came', () => {
  const parser = createRequestParser({ api: 'completions' });
  const chunks = cutAt(bodyOf('{"prompt" : "a", "n":10000000000000000000000}'), [3, 9]);
  for (const chunk of chunks) parser.push(chunk);
  expect(parser.end().ok).toBe(true);
  expect(parser.chunks).toHaveLength(3);
  for (const [index, chunk] of parser.chunks.entries()) expect(chunk).toBe(chunks[index]);
});
