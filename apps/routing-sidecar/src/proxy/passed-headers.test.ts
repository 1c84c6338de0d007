import { expect, test } from 'vitest';
import { answerHeaders, legHeaders, passedHeaders } from './passed-headers.ts';

test('engines get the client’s heads in order, without what concerns the connection or the sidecar', () => {
  const raw = [
    ...['Host', 'a', 'X-Tenant', '1', 'connection', 'keep-alive, X-Mine', 'x-mine', '2'],
    ...['Content-Length', '5', 'Transfer-Encoding', 'chunked', 'X-Prefiller-Host-Port', 'p:1'],
    ...['x-encoder-hosts-ports', 'e:1', 'X-Tenant', '3', 'authorization', 'Bearer x'],
  ];
  expect(passedHeaders(raw, 'keep-alive, X-Mine')).toEqual([
    ...['X-Tenant', '1', 'X-Tenant', '3', 'authorization', 'Bearer x'],
  ]);
});

test('a leg adds and replaces heads, and takes no compressed answer that is read here', () => {
  const passed = ['X-Request-Id', 'a', 'Accept-Encoding', 'gzip', 'X-Data-Parallel-Rank', '0'];
  const leg = { adds: [['x-request-id', 'b']], sets: [['x-data-parallel-rank', '3']] } as const;
  expect(legHeaders(passed, leg, { isRead: true })).toEqual([
    ...['X-Request-Id', 'a', 'x-data-parallel-rank', '3', 'x-request-id', 'b'],
  ]);
  expect(legHeaders(passed, {}, { isRead: false })).toEqual(passed);
});

test('an answer’s length is kept only where its bytes are', () => {
  const headers = {
    'content-length': '5',
    connection: 'close, x-hop',
    'x-hop': '1',
    'set-cookie': ['a', 'b'],
  };
  expect(answerHeaders(headers, { keepsLength: true })).toEqual({
    'content-length': '5',
    'set-cookie': ['a', 'b'],
  });
  expect(answerHeaders(headers, { keepsLength: false })).toEqual({ 'set-cookie': ['a', 'b'] });
});
