import { apiError } from '@llm-d/inference-api';
import { describe, expect, test } from 'vitest';
import type { FrontResponse } from '../front/listener.ts';
import { answerError, errorOfRefusal, rejectionOf } from './error-answer.ts';

/** A response that keeps what it is given. */
const responseIn = (state: { headersSent?: boolean; destroyed?: boolean }) => {
  const said: unknown[] = [];
  const response = {
    ...{ headersSent: false, destroyed: false, ...state },
    writeHead: (...head: unknown[]) => said.push(...head),
    end: (body: string) => said.push(JSON.parse(body)),
  };
  // Only what an error answer uses.
  return { said, response: response as unknown as FrontResponse };
};

describe('an error answer', () => {
  test("has OpenAI's shape", () => {
    const { said, response } = responseIn({});
    answerError(response, apiError('model_not_found', 'no é', 'model'), { headers: { a: 'b' } });
    const error = {
      ...{ message: 'no é', type: 'not_found_error', param: 'model', code: 'model_not_found' },
    };
    const length = String(Buffer.byteLength(JSON.stringify({ error })));
    expect(said).toEqual([
      404,
      { 'content-type': 'application/json', 'content-length': length, a: 'b' },
      { error },
    ]);
  });

  test("has Anthropic's for its API", () => {
    const { said, response } = responseIn({});
    answerError(response, apiError('rate_limit_exceeded', 'slower'), { api: 'messages' });
    expect(said[2]).toEqual({
      ...{ type: 'error', error: { type: 'rate_limit_error', message: 'slower' } },
    });
  });

  test.each([[{ headersSent: true }], [{ destroyed: true }]])('is not given where %j', (state) => {
    const { said, response } = responseIn(state);
    answerError(response, apiError('internal_error', 'x'));
    expect(said).toEqual([]);
  });
});

test.each([
  [429 as const, 'rate_limit_exceeded'],
  [503 as const, 'service_unavailable'],
])('a refusal with %i tells its reason and when to come back', (status, code) => {
  const reason = 'rejected-saturated';
  expect(
    errorOfRefusal({ kind: 'refused', status, reason, message: 'm', retryAfterSeconds: 7 }),
  ).toMatchObject({
    error: { status, code, message: 'm' },
    headers: { 'retry-after': '7', 'x-llm-d-request-dropped-reason': reason },
  });
});

test.each([
  ['HPE_HEADER_OVERFLOW', 'HTTP/1.1 431 Request Header Fields Too Large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'HTTP/1.1 408 Request Timeout'],
  ['HPE_INVALID_METHOD', 'HTTP/1.1 400 Bad Request'],
  [undefined, 'HTTP/1.1 400 Bad Request'],
])('bytes that are no request (%s) get %s', (code, line) => {
  const [head = '', body = ''] = rejectionOf(code).split('\r\n\r\n');
  expect(head.split('\r\n')).toEqual([
    line,
    ...['content-type: application/json', `content-length: ${body.length}`, 'connection: close'],
  ]);
  expect(JSON.parse(body)).toMatchObject({ error: { code: 'invalid_http', param: null } });
});
