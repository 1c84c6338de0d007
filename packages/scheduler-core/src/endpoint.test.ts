import { expect, test } from 'vitest';
import { endpointId, formatHostPort, unknownMetrics } from './endpoint.ts';
import { makeEndpoint } from './testing/index.ts';

test.each([
  ['10.0.0.1', 8000, '10.0.0.1:8000'],
  ['fd00::1', 8000, '[fd00::1]:8000'],
])('%s port %d is written %s', (address, port, expected) => {
  expect(formatHostPort(address, port)).toBe(expected);
});

test('an id names namespace, pod and rank', () => {
  expect(endpointId('llm', 'decode-7', 2)).toBe('llm/decode-7-rank-2');
});

test('metrics that are not known cannot be changed by accident', () => {
  expect(Object.isFrozen(unknownMetrics)).toBe(true);
});

test('a built endpoint is plain data at every step', () => {
  const { metrics, ...endpoint } = {
    ...makeEndpoint('b').queue(2).label('role', 'decode').at('::1', 1),
  };
  expect(metrics).toEqual({ ...unknownMetrics, waitingRequests: 2, updatedAtMs: 0 });
  expect(endpoint).toEqual({
    id: 'default/b-rank-0',
    namespace: 'default',
    name: 'b',
    rank: 0,
    address: '::1',
    port: 1,
    hostPort: '[::1]:1',
    labels: { role: 'decode' },
    slot: 1,
    reservedRequests: 0,
  });
});
