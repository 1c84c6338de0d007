import { expect, test } from 'vitest';
import { isBound, offsetEndpoint, portOf, topicOf } from './endpoint.ts';

test.each([
  ['tcp://*:5557', true],
  ['tcp://[::]:5557', true],
  ['ipc:///tmp/events', true],
  ['inproc://events', true],
  ['tcp://127.0.0.1:5557', false],
  ['tcp://consumer:5557', false],
])('%s is bound: %s', (endpoint, bound) => {
  expect(isBound(endpoint)).toBe(bound);
});

test.each([
  ['tcp://*:5557', 0, 'tcp://*:5557'],
  ['tcp://*:5557', 3, 'tcp://*:5560'],
  ['tcp://[::]:5557', 1, 'tcp://[::]:5558'],
  ['tcp://consumer:5557', 2, 'tcp://consumer:5559'],
  ['tcp://*:0', 2, 'tcp://*:0'],
  ['inproc://events', 0, 'inproc://events'],
  ['inproc://events', 2, 'inproc://events_dp2'],
  ['ipc:///tmp/events', 2, 'ipc:///tmp/events'],
])('%s, %d further on, is %s', (endpoint, offset, expected) => {
  expect(offsetEndpoint(endpoint, offset)).toBe(expected);
});

test('only TCP has ports', () => {
  expect([portOf('tcp://*:5557'), portOf('tcp://[::1]:1'), portOf('ipc://x:1')]).toEqual([
    5557,
    1,
    undefined,
  ]);
});

test("the topic is llm-d's convention", () => {
  expect(topicOf('10.0.0.1', 8000, 'Qwen/Qwen3-32B')).toBe('kv@10.0.0.1:8000@Qwen/Qwen3-32B');
});
