import type { ApiKind } from '@llm-d/inference-api';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeContext, makeRequest, sequential } from './connector.testing.ts';
import { nixlv2 } from './nixlv2.ts';

interface Pair {
  readonly name: string;
  readonly api: ApiKind;
  readonly prefill: { readonly request: object; readonly response: object };
  readonly decode: { readonly request: { readonly kv_transfer_params: unknown } };
}
const pairs = JSON.parse(
  readFileSync(new URL('../testdata/nixl-pairs.json', import.meta.url), 'utf8'),
) as Pair[];

const ASKED = {
  do_remote_decode: true,
  do_remote_prefill: false,
  remote_engine_id: null,
  remote_block_ids: null,
  remote_host: null,
  remote_port: null,
};

describe('what a real vLLM was sent and answered', () => {
  test.each(pairs)('$name', ({ api, prefill, decode }) => {
    const { kv_transfer_params: fetched, ...client } = decode.request;
    const plan = sequential(nixlv2, makeRequest(client, api));
    const sent: unknown = JSON.parse(plan.prefill.body.toString());
    expect(sent).toMatchObject({ ...prefill.request, kv_transfer_params: ASKED, stream: false });
    expect(sent).not.toHaveProperty('stream_options');
    const leg = plan.decode(Buffer.from(JSON.stringify(prefill.response)));
    expect(JSON.parse(leg?.body.toString() ?? '')).toEqual({
      ...client,
      kv_transfer_params: fetched,
    });
    expect(leg).toMatchObject({ transfers: true, cachedTokens: 0 });
  });
});

describe('limits become one token, also where the client gave none', () => {
  test.each<[ApiKind, object, object]>([
    ['chat-completions', {}, { max_tokens: 1, max_completion_tokens: 1, min_tokens: 1 }],
    [
      'chat-completions',
      { max_tokens: 50, min_tokens: 20 },
      { max_tokens: 1, max_completion_tokens: 1, min_tokens: 1 },
    ],
    ['completions', { max_tokens: 50 }, { max_tokens: 1, min_tokens: 1 }],
    ['messages', { max_tokens: 50 }, { max_tokens: 1 }],
    ['responses', { max_output_tokens: 50 }, { max_output_tokens: 1 }],
    ['vllm-generate', {}, { sampling_params: { max_tokens: 1, min_tokens: 1 } }],
    [
      'vllm-generate',
      { sampling_params: { max_tokens: 50, temperature: 0 } },
      { sampling_params: { max_tokens: 1, min_tokens: 1, temperature: 0 } },
    ],
  ])('%s %j', (api, body, expected) => {
    const plan = sequential(nixlv2, makeRequest({ ...body, stream: true }, api));
    expect(JSON.parse(plan.prefill.body.toString())).toEqual({
      ...body,
      ...expected,
      stream: false,
      kv_transfer_params: ASKED,
    });
  });
});

test('both halves carry an id of their own beside the client’s', () => {
  const plan = sequential(nixlv2, makeRequest({}));
  const adds = [['x-request-id', 'request-1']];
  expect(plan.prefill.adds).toEqual(adds);
  expect(plan.decode(Buffer.from('{}'))?.adds).toEqual(adds);
});

test('what the client wrote keeps its bytes, and what the prefiller names keeps its own', () => {
  const text = '{ "seed": 12345678901234567890, "tools": [{"b":1,"a":2}], "temperature": 1.0 }';
  const plan = sequential(nixlv2, makeRequest(text));
  expect(plan.prefill.body.toString()).toContain(
    '"seed": 12345678901234567890, "tools": [{"b":1,"a":2}]',
  );
  const params = '{"b": 1.0,  "remote_port":18446744073709551615}';
  const leg = plan.decode(Buffer.from(`{"kv_transfer_params": ${params}}`));
  expect(leg?.body.toString()).toBe(
    `{ "seed": 12345678901234567890, "tools": [{"b":1,"a":2}], "temperature": 1.0,"kv_transfer_params":${params} }`,
  );
});

test.each([
  ['null', '{"kv_transfer_params":null}'],
  ['missing', '{}'],
])('transfer parameters that are %s leave the decode server to itself', (_, answer) => {
  const plan = sequential(nixlv2, makeRequest('{"a":1}'));
  const leg = plan.decode(Buffer.from(answer));
  expect([leg?.body.toString(), leg?.transfers]).toEqual(['{"a":1}', false]);
});

test.each(['', '[]', '<html>', '{"a"'])('%j is no prefiller’s answer', (answer) => {
  expect(sequential(nixlv2, makeRequest({})).decode(Buffer.from(answer))).toBeUndefined();
});

test.each<[ApiKind, object | null, number | undefined]>([
  ['chat-completions', { prompt_tokens_details: { cached_tokens: 48 } }, 48],
  ['chat-completions', { prompt_tokens_details: null }, 0],
  ['chat-completions', { prompt_tokens_details: { cached_tokens: null } }, 0],
  ['chat-completions', null, 0],
  ['responses', { input_tokens_details: { cached_tokens: 5 } }, 5],
  ['messages', { cache_read_input_tokens: 5 }, undefined],
])('of %s usage %j are %j tokens cached', (api, usage, expected) => {
  const plan = sequential(nixlv2, makeRequest({}, api));
  expect(plan.decode(Buffer.from(JSON.stringify({ usage })))?.cachedTokens).toBe(expected);
});

test('a peer that holds the prefix is for the prefiller, or for the decode server where that is alone', () => {
  const kvCacheSource = { host: '10.0.0.9', port: 8002, hostPort: '10.0.0.9:8002' };
  const context = makeContext({ kvCacheSource });
  const remote_kv_source = { kv_request_id: 'id-1', remote_host: '10.0.0.9', remote_port: 7779 };
  const plan = sequential(nixlv2, makeRequest({}), context);
  expect(JSON.parse(plan.prefill.body.toString())).toMatchObject({
    kv_transfer_params: { ...ASKED, remote_kv_source },
  });
  const alone = nixlv2.alone(makeRequest({ a: 1 }), makeContext({ kvCacheSource }));
  expect(JSON.parse(alone.body.toString())).toEqual({
    a: 1,
    kv_transfer_params: { remote_kv_source },
  });
});
