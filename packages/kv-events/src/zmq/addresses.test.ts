import { describe, expect, test } from 'vitest';
import { parseEventTopic } from './event-topic.ts';
import { KvEndpointError } from './kv-endpoint-error.ts';
import { rankEndpoint } from './rank-endpoint.ts';
import { readSequence, sequenceFrame } from './sequence-frame.ts';

describe('a topic', () => {
  test.each([
    ['kv@10.0.0.1:8000@Qwen/Qwen3-32B', '10.0.0.1:8000', 'Qwen/Qwen3-32B'],
    ['kv@10.0.0.1@org/model@v2@x', '10.0.0.1', 'org/model@v2@x'],
    ['kv@[fd00::1]:8000@m', '[fd00::1]:8000', 'm'],
    ['kv@10.0.0.1:8000', '10.0.0.1:8000', ''],
    ['kv-events', 'kv-events', ''],
    ['', '', ''],
    ['kv@@', '', ''],
  ])('%j names pod %j and model %j', (topic, pod, model) => {
    expect(parseEventTopic(topic)).toEqual({ pod, model });
  });
});

describe('the endpoint of a rank', () => {
  test.each([
    ['tcp://10.0.0.1:5557', 0, 'tcp://10.0.0.1:5557'],
    ['tcp://10.0.0.1:5557', 3, 'tcp://10.0.0.1:5560'],
    ['tcp://[fd00::1]:5557', 1, 'tcp://[fd00::1]:5558'],
    ['tcp://*:5557', 7, 'tcp://*:5564'],
    ['inproc://events', 0, 'inproc://events'],
    ['inproc://events', 2, 'inproc://events_dp2'],
    ['ipc:///tmp/events', 0, 'ipc:///tmp/events'],
  ])('at %s, rank %d, is %s', (endpoint, rank, expected) => {
    expect(rankEndpoint(endpoint, rank)).toBe(expected);
  });

  test.each(['ipc:///tmp/events', 'tcp://host', 'tcp://host:65535'])(
    'is none at %s',
    (endpoint) => {
      expect(() => rankEndpoint(endpoint, 1)).toThrow(KvEndpointError);
    },
  );
});

describe('the number in a frame', () => {
  test.each([0, 1, 255, 2 ** 32, Number.MAX_SAFE_INTEGER])('is %d when it was written so', (n) => {
    expect(readSequence(sequenceFrame(n))).toBe(n);
  });

  test('is written with its high byte first', () => {
    expect(sequenceFrame(258).toString('hex')).toBe('0000000000000102');
  });

  test.each([
    ['ffffffffffffffff', 'end'],
    ['0020000000000000', undefined],
    ['fffffffffffffffe', undefined],
    ['00000000000001', undefined],
    ['', undefined],
  ])('%s is %s', (hex, expected) => {
    expect(readSequence(Buffer.from(hex, 'hex'))).toBe(expected);
  });
});
