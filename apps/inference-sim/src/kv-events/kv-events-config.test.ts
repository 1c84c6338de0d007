import { describe, expect, test } from 'vitest';
import { KvEventsConfigError, parseKvEventsConfig } from './kv-events-config.ts';

const parse = (config: object) => parseKvEventsConfig(JSON.stringify(config));

describe("vLLM's config", () => {
  test("has vLLM's defaults", () => {
    expect(parse({ enable_kv_cache_events: true })).toMatchObject({
      ...{ endpoint: 'tcp://*:5557', replayEndpoint: undefined, topic: undefined },
      ...{ bufferSteps: 10_000, hwm: 100_000, maxQueueSize: 100_000 },
      encoding: { form: 'map', hashes: 'int', dialect: 'vllm' },
    });
  });

  test('sets what it names', () => {
    const config = {
      ...{ enable_kv_cache_events: true, publisher: 'zmq', endpoint: 'tcp://*:5556' },
      ...{ replay_endpoint: 'tcp://*:5656', buffer_steps: 7, hwm: 8, max_queue_size: 9 },
      topic: 'kv@10.0.0.1:8000@m',
    };
    expect(parse(config)).toMatchObject({
      ...{ endpoint: 'tcp://*:5556', replayEndpoint: 'tcp://*:5656' },
      ...{ bufferSteps: 7, hwm: 8, maxQueueSize: 9, topic: 'kv@10.0.0.1:8000@m' },
    });
  });

  test.each([
    [{}],
    [{ enable_kv_cache_events: false }],
    [{ enable_kv_cache_events: true, publisher: 'null' }],
  ])('%j publishes nothing', (config) => {
    expect(parse(config)).toBeUndefined();
  });

  test.each([
    ['{', 'it must be a JSON object'],
    ['[]', 'expected object'],
    ['{"enable_kv_cache_events":1}', 'enable_kv_cache_events: Invalid input'],
    ['{"publisher":"nats"}', 'publisher: Invalid option'],
    ['{"buffer_steps":0}', 'buffer_steps: Too small'],
    ['{"endpoints":"x","top":1}', 'Unrecognized keys: "endpoints", "top"'],
  ])('%s is refused by name', (text, message) => {
    expect(() => parseKvEventsConfig(text)).toThrow(KvEventsConfigError);
    expect(() => parseKvEventsConfig(text)).toThrow(message);
  });
});
