import { apiError } from '@llm-d/inference-api';
import type { Refusal } from '@llm-d/endpoint-picker';
import { expect, test } from 'vitest';
import { immediateAnswer, type Denial } from './immediate-answer.ts';

const refusal = (status: Refusal['status'], reason: Refusal['reason']): Denial => ({
  kind: 'refusal',
  refusal: { kind: 'refused', status, reason, message: 'why', retryAfterSeconds: 3 },
});
const bad = (code: Parameters<typeof apiError>[0], param: string | null = null): Denial => ({
  kind: 'bad-request',
  error: apiError(code, 'why', param),
});

function answerTo(denial: Denial, format: 'text' | 'openai') {
  const { immediateResponse } = immediateAnswer(denial, { format, api: 'chat-completions' });
  const headers = (immediateResponse?.headers?.setHeaders ?? []).map(
    ({ header }) => `${header?.key ?? ''}: ${String(header?.rawValue)}`,
  );
  return {
    status: immediateResponse?.status?.code,
    body: String(immediateResponse?.body),
    headers,
  };
}

test.each<[string, Denial, number, string, string[]]>([
  [
    'a saturated pool',
    refusal(429, 'rejected-saturated'),
    429,
    'inference error: ResourceExhausted - why',
    ['x-llm-d-request-dropped-reason: rejected-saturated'],
  ],
  [
    'no endpoints',
    refusal(503, 'rejected-no-endpoints'),
    503,
    'inference error: ServiceUnavailable - why',
    ['x-llm-d-request-dropped-reason: rejected-no-endpoints'],
  ],
  [
    'an uncached prompt',
    refusal(412, 'rejected-not-cached'),
    412,
    'inference error: PreconditionFailed - why',
    ['x-llm-d-request-dropped-reason: rejected-not-cached'],
  ],
  ['an eviction', refusal(429, 'evicted'), 429, 'why', ['x-llm-d-request-dropped-reason: evicted']],
  [
    'bytes that are no JSON',
    bad('invalid_json'),
    400,
    'inference error: BadRequest - error unmarshaling request bodyMap: why',
    [],
  ],
  [
    'JSON that is no object',
    bad('invalid_type'),
    400,
    'inference error: BadRequest - error unmarshaling request bodyMap: why',
    [],
  ],
  ['a wrong field', bad('invalid_type', 'messages'), 400, 'inference error: BadRequest - why', []],
  ['a large body', bad('body_too_large'), 413, 'inference error: PayloadTooLarge - why', []],
  [
    'a fault of ours',
    { kind: 'internal' },
    500,
    'inference error: Internal - the endpoint picker failed to handle the request',
    [],
  ],
])('%s in llm-d’s words', (_, denial, status, body, headers) => {
  expect(answerTo(denial, 'text')).toEqual({ status, body, headers });
});

test.each<[string, Denial, number, object, string[]]>([
  [
    'a saturated pool',
    refusal(429, 'rejected-saturated'),
    429,
    { code: 'rate_limit_exceeded', message: 'why' },
    ['retry-after: 3', 'x-llm-d-request-dropped-reason: rejected-saturated'],
  ],
  [
    'an empty pool and no body',
    {
      kind: 'empty-pool',
      refusal: {
        kind: 'refused',
        status: 503,
        reason: 'rejected-no-endpoints',
        message: 'why',
        retryAfterSeconds: 3,
      },
    },
    503,
    { code: 'service_unavailable', message: 'why' },
    ['retry-after: 3', 'x-llm-d-request-dropped-reason: rejected-no-endpoints'],
  ],
  [
    'an uncached prompt',
    refusal(412, 'rejected-not-cached'),
    412,
    { type: 'invalid_request_error' },
    ['retry-after: 3', 'x-llm-d-request-dropped-reason: rejected-not-cached'],
  ],
  [
    'a wrong field',
    bad('invalid_type', 'model'),
    400,
    { param: 'model', code: 'invalid_type' },
    [],
  ],
  ['a fault of ours', { kind: 'internal' }, 500, { code: 'internal_error' }, []],
])('%s in the API’s words', (_, denial, status, error, headers) => {
  const answer = answerTo(denial, 'openai');
  expect(JSON.parse(answer.body)).toMatchObject({ error });
  expect([answer.status, answer.headers]).toEqual([
    status,
    ['content-type: application/json', ...headers],
  ]);
});
