import { openRawConnection } from '@llm-d/test-kit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { untilIdle } from './debug-views.ts';
import { TEST_TIMEOUT_MS, chat, post, startStack, type Stack } from './stack.ts';

const MAX_BODY_BYTES = 200_000;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    gatewayArgs: ['--max-body-bytes', String(MAX_BODY_BYTES)],
    engineArgs: ['--max-model-len', '2048'],
  });
}, TEST_TIMEOUT_MS);
afterAll(() => stack[Symbol.asyncDispose]());
afterEach(async () => {
  const after = await post(`${stack.url}/v1/chat/completions`, chat(1));
  expect(after.status).toBe(200);
  await after.text();
  await untilIdle(stack);
});

/** The shape that OpenAI's clients read errors from. */
const errorOf = (text: string) => {
  const { error } = JSON.parse(text) as { error: Record<string, unknown> };
  expect(error).toEqual({
    message: expect.any(String) as string,
    type: expect.any(String) as string,
    param: error.param === null ? null : (expect.any(String) as string),
    code: expect.anything() as unknown,
  });
  return error;
};

const longPrompt = 'word '.repeat(36_000);

describe('a request that makes no sense', { timeout: TEST_TIMEOUT_MS }, () => {
  test.each([
    ['is no JSON', '{"model": "sim-model", "messages": [', 400, { code: 'invalid_json' }],
    ['is nothing', '', 400, { code: 'invalid_json' }],
    ['is JSON and no object', '[1, 2]', 400, {}],
    ['is cut short in a string', '{"model": "sim-mo', 400, { code: 'invalid_json' }],
    [
      'names no model',
      chat(1, { model: undefined }),
      400,
      { code: 'missing_required_parameter', param: 'model' },
    ],
    ['names no model but null', chat(1, { model: null }), 400, { param: 'model' }],
    [
      'names an unknown model',
      chat(1, { model: 'nobody' }),
      404,
      { code: 'model_not_found', param: 'model' },
    ],
    ['has messages that are no list', chat(1, { messages: 'hello' }), 400, { param: 'messages' }],
    ['has messages that are a number', chat(1, { messages: 7 }), 400, { param: 'messages' }],
    ['has no messages', chat(1, { messages: undefined }), 400, {}],
    ['streams "yes"', chat(1, { stream: 'yes' }), 400, { param: 'stream' }],
    ['wants "x" tokens', chat(1, { max_tokens: 'x' }), 400, { param: 'max_tokens' }],
    ['wants less than no tokens', chat(-1), 400, {}],
    [
      'has a longer prompt than the model reads',
      chat(1, { messages: [{ role: 'user', content: longPrompt }] }),
      400,
      { message: expect.stringMatching(/maximum context length/) as string },
    ],
    [
      'is not UTF-8',
      Buffer.from(
        '{"model":"sim-model","messages":[{"role":"user","content":"\xff\xfe"}]}',
        'latin1',
      ),
      400,
      { code: 'invalid_utf8' },
    ],
    ['is nested too deep', `{"model":"sim-model","x":${'['.repeat(50_000)}`, 400, {}],
    [
      'announces too many bytes',
      ' '.repeat(MAX_BODY_BYTES + 1),
      413,
      { code: 'body_too_large', type: 'invalid_request_error' },
    ],
  ])('that %s', async (_, body, status, error) => {
    const answer = await post(`${stack.url}/v1/chat/completions`, body);
    const text = await answer.text();
    expect({ status: answer.status, text }).toMatchObject({ status });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(errorOf(text)).toMatchObject(error);
  });

  test.each([
    ['POST', '/v1/nothing', 404],
    ['POST', '/nothing', 404],
    ['GET', '/nothing', 404],
    ['POST', '/healthz', 404],
    ['GET', '/v1/chat/completions', 405],
    ['POST', '/v1/load_lora_adapter', 404],
    ['GET', '/v1/models/nobody', 404],
    ['GET', '/v1/models/%E0%A4%A', 400],
    ['GET', '/debug/decisions/nothing', 404],
  ])('at a path that nobody serves: %s %s', async (method, path, status) => {
    const answer = await fetch(stack.url + path, {
      method,
      ...(method === 'POST' && {
        body: '{"half',
        headers: { 'content-type': 'application/json' },
      }),
    });
    const text = await answer.text();
    expect(answer.status).toBe(status);
    errorOf(text);
  });

  test('that turns out too large on the way', async () => {
    const piece = new Uint8Array(64 * 1024).fill(32);
    let left = 200;
    const body = new ReadableStream({
      pull: (controller) => {
        if (left-- > 0) controller.enqueue(piece);
        else controller.close();
      },
    });
    const answer = await fetch(`${stack.url}/v1/chat/completions`, {
      ...{ method: 'POST', body, duplex: 'half' },
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(413);
    expect(errorOf(await answer.text()).code).toBe('body_too_large');
  });
});

const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n';

describe('bytes that are no request', { timeout: TEST_TIMEOUT_MS }, () => {
  test.each([
    ['two lengths', `${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, 400],
    [
      'a length and chunks',
      `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
      400,
    ],
    ['a chunk of no size', `${head}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n`, 400],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['a long head', `${head}x-long: ${'a'.repeat(64 * 1024)}\r\n\r\n`, 431],
  ])('%s', async (_, bytes, status) => {
    using raw = await openRawConnection(stack.port);
    raw.write(bytes);
    const text = await raw.closed;
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    errorOf(text.slice(text.indexOf('\r\n\r\n')));
  });

  test.each([
    ['chunks', 'transfer-encoding: chunked\r\n\r\n10\r\n{"model": "sim-m'],
    ['a length', 'content-length: 100\r\n\r\n{"model": "sim-m'],
  ])('a client that leaves in the middle of its body with %s', async (_, bytes) => {
    using raw = await openRawConnection(stack.port);
    raw.write(head + bytes);
    await new Promise((resolve) => setTimeout(resolve, 50));
    raw.destroy();
    await raw.closed;
    expect(raw.text).toBe('');
  });
});
