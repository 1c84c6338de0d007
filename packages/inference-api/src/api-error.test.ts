import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  anthropicErrorType,
  apiError,
  apiErrorBody,
  apiErrorCodes,
  openAiErrorType,
} from './api-error.ts';

describe('an error body', () => {
  test('has the members that vLLM gives its own', () => {
    const body = JSON.parse(
      apiErrorBody(apiError('model_not_found', 'The model `nope` does not exist.', 'model')),
    ) as object;
    expect(body).toEqual({
      error: {
        message: 'The model `nope` does not exist.',
        type: 'not_found_error',
        param: 'model',
        code: 'model_not_found',
      },
    });
    const captured = JSON.parse(
      readFileSync(new URL('./testdata/err_unknown_model.json', import.meta.url), 'utf8'),
    ) as { error: object };
    expect(Object.keys((body as typeof captured).error)).toEqual(Object.keys(captured.error));
  });

  test('has the shape of Anthropic for its APIs', () => {
    const error = apiError('service_unavailable', 'no endpoint');
    const expected = { type: 'error', error: { type: 'overloaded_error', message: 'no endpoint' } };
    expect(JSON.parse(apiErrorBody(error, 'messages'))).toEqual(expected);
    expect(JSON.parse(apiErrorBody(error, 'count-tokens'))).toEqual(expected);
    expect(JSON.parse(apiErrorBody(error, 'responses'))).toMatchObject({ error: { param: null } });
  });
});

test.each([
  [400, 'invalid_request_error', 'invalid_request_error'],
  [401, 'authentication_error', 'authentication_error'],
  [403, 'permission_error', 'permission_error'],
  [404, 'not_found_error', 'not_found_error'],
  [413, 'invalid_request_error', 'request_too_large'],
  [429, 'rate_limit_error', 'rate_limit_error'],
  [500, 'server_error', 'api_error'],
  [503, 'service_unavailable', 'overloaded_error'],
])('status %i is %s, for Anthropic %s', (status, openAi, anthropic) => {
  expect(openAiErrorType(status)).toBe(openAi);
  expect(anthropicErrorType(status)).toBe(anthropic);
});

test('the README lists every code with its status, and no other', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const rows = [...readme.matchAll(/^\| `(\w+)` +\| (\d{3}) +\|/gm)].map(
    ([, code, status]) => [code, Number(status)] as const,
  );
  expect(Object.fromEntries(rows)).toEqual(apiErrorCodes);
});
