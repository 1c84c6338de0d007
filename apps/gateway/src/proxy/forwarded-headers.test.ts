import { isControlHeader } from '@llm-d/endpoint-picker';
import { describe, expect, test } from 'vitest';
import { answerHeaders, trustedHeaders } from './forwarded-headers.ts';

describe('of what a client sends', () => {
  test('everything ordinary is passed on, repeated headers joined', () => {
    const headers = {
      ...{ authorization: 'Bearer x', 'content-type': 'application/json', 'x-request-id': '1' },
      ...{ accept: 'text/event-stream', 'x-many': ['a', 'b'], 'x-none': undefined },
    };
    expect([...trustedHeaders(headers)]).toEqual([
      ['authorization', 'Bearer x'],
      ['content-type', 'application/json'],
      ['x-request-id', '1'],
      ['accept', 'text/event-stream'],
      ['x-many', 'a, b'],
    ]);
  });

  test.each([
    ['x-gateway-destination-endpoint'],
    ['x-llm-d-anything'],
    ['x-prefiller-host-port'],
    ['x-encoder-hosts-ports'],
    ['x-data-parallel-host-port'],
    ['x-kv-cache-source-host-port'],
    ['epp-profile'],
    ['test-epp-endpoint-selection'],
    ['x-slo-ttft-ms'],
  ])('%s is dropped as a forgery', (name) => {
    expect(isControlHeader(name)).toBe(true);
    expect(trustedHeaders({ [name]: 'x' }).size).toBe(0);
  });

  test.each([['x-gateway'], ['x-llm-device'], ['epp-profiles'], ['prefiller-host']])(
    '%s is none',
    (name) => {
      expect(isControlHeader(name)).toBe(false);
    },
  );

  test('what concerns its own connection is dropped, also what the connection header names', () => {
    const headers = {
      ...{ connection: 'keep-alive, X-Hop , x-other', 'x-hop': '1', 'x-other': '2', 'x-kept': '3' },
      ...{ 'keep-alive': 'x', te: 'trailers', 'transfer-encoding': 'chunked', upgrade: 'h2c' },
      ...{ host: 'a', 'content-length': '5', expect: '100-continue', 'proxy-authorization': 'x' },
      ...{ ':method': 'POST', ':path': '/', ':authority': 'a', ':scheme': 'http' },
    };
    expect([...trustedHeaders(headers)]).toEqual([['x-kept', '3']]);
  });
});

test('of an answer all but what concerns its connection is passed on, its length included', () => {
  const headers = {
    ...{ 'content-type': 'text/event-stream', 'content-length': '5', 'set-cookie': ['a', 'b'] },
    ...{ connection: 'close, x-hop', 'x-hop': '1', 'keep-alive': 'timeout=5', ':status': '200' },
    ...{ 'transfer-encoding': 'chunked', 'x-inference-pod': 'p', trailer: 'x' },
  };
  expect(answerHeaders(headers)).toEqual({
    ...{ 'content-type': 'text/event-stream', 'content-length': '5', 'set-cookie': ['a', 'b'] },
    'x-inference-pod': 'p',
  });
});
