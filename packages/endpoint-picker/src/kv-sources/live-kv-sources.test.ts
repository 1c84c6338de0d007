import { createRandom, systemClock } from '@llm-d/determinism';
import { connectNatsKvBus } from '@llm-d/kv-events/nats';
import { encodeBatch, startEngineSocket } from '@llm-d/kv-events/testing';
import { createKvEventDecoder, createMemoryKvBlockIndex } from '@llm-d/kv-index';
import { createKvRedisMirror } from '@llm-d/kv-index/redis';
import { prefixKnowledge, prefixMatches, type Plugin } from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import {
  findNatsServer,
  findRedisServer,
  isSkipped,
  pathOf,
  startNatsServer,
  startRedisServer,
  titleWith,
} from '@llm-d/test-kit';
import { describe, expect, test, vi } from 'vitest';
import { instantiate, produce } from '../producers/producing.testing.ts';
import {
  batchOf,
  storedPrompt,
} from '../producers/precise-prefix-cache-producer/fake-kv-sources.testing.ts';
import { createPrecisePrefixCacheProducer } from '../producers/precise-prefix-cache-producer/precise-prefix-cache-producer.ts';
import { tokenProducer } from '../producers/token-producer/token-producer.ts';
import { createLiveKvSources } from './live-kv-sources.ts';

const TYPE = 'precise-prefix-cache-producer';
const tokens = (length: number) => Uint32Array.from({ length }, (_, i) => 1 + i);
const endpoint = { ...makeEndpoint('a').at('127.0.0.1', 8000) };
const portOf = (address = ''): number => Number(address.split(':').at(-1));

const batch = (sequence: number, length: number) => ({
  ...batchOf(endpoint.hostPort, sequence, storedPrompt(tokens(length))),
  receivedMs: systemClock.epochMs(),
});

const create = (parameters: object): Plugin => {
  const plugin = instantiate(createPrecisePrefixCacheProducer(createLiveKvSources()), {
    parameters,
    clock: systemClock,
  });
  plugin.endpoints?.endpointAdded?.(endpoint);
  return plugin;
};
const ask = async (plugin: Plugin) => {
  const cycle = await produce(plugin, {
    request: { prompt: { kind: 'tokens', ids: tokens(64) } },
    candidates: [endpoint],
    after: [instantiate(tokenProducer)],
  });
  return {
    matched: cycle.attributes.get(prefixMatches(TYPE))?.matchedBlocks(endpoint),
    note: cycle.attributes.get(prefixKnowledge(TYPE))?.note,
  };
};
/** Asks until the blocks are known. */
const found = (plugin: Plugin, blocks: number) =>
  vi.waitFor(async () => {
    expect(await ask(plugin)).toEqual({ matched: blocks, note: undefined });
  }, 10_000);

describe('KV events over ZeroMQ', () => {
  test('come from the engine of an endpoint, with what it published before anybody listened', async () => {
    await using engine = await startEngineSocket({ topic: `kv@${endpoint.hostPort}@m` });
    await engine.publish(encodeBatch([storedPrompt(tokens(32))]));
    const podDiscoveryConfig = {
      socketPort: portOf(engine.endpoint),
      replaySocketPort: portOf(engine.replayEndpoint),
    };
    const plugin = create({ kvEventsConfig: { podDiscoveryConfig } });
    await engine.subscribed;
    await engine.publish(encodeBatch([storedPrompt(tokens(64))]));
    await found(plugin, 4);
    await plugin.close?.();
  });

  test('come from engines that connect', async () => {
    await using listener = await startEngineSocket();
    const zmqEndpoint = listener.endpoint;
    listener.stop();
    const plugin = create({ kvEventsConfig: { zmqEndpoint, discoverPods: false } });
    await using engine = await startEngineSocket({
      topic: `kv@${endpoint.hostPort}@m`,
      endpoint: zmqEndpoint,
      connects: true,
      replayEndpoint: null,
    });
    await engine.subscribed;
    await engine.publish(encodeBatch([storedPrompt(tokens(64))]));
    await found(plugin, 4);
    await plugin.close?.();
  });
});

const nats = await findNatsServer();
describe.skipIf(isSkipped(nats))(titleWith('KV events over NATS', nats), () => {
  test('come from a stream that somebody fills', async () => {
    await using server = await startNatsServer({ path: pathOf(nats) });
    await using bus = await connectNatsKvBus({ servers: server.url });
    const { signal } = new AbortController();
    await bus.publish(batch(0, 32), signal);
    const plugin = create({ kvEventsConfig: { nats: { servers: server.url } } });
    await found(plugin, 2);
    await bus.publish(batch(1, 64), signal);
    await found(plugin, 4);
    await plugin.close?.();
  });
});

const redisConfig = (address: string, lookupTimeout: string) => ({
  indexerConfig: { kvBlockIndexConfig: { redisConfig: { address } }, lookupTimeout },
});
const redis = await findRedisServer();
describe.skipIf(isSkipped(redis))(titleWith('an index in Redis', redis), () => {
  test('is looked up', async () => {
    await using server = await startRedisServer({ path: pathOf(redis) });
    await using mirror = await createKvRedisMirror({
      redis: server.url,
      keys: { blockSizeTokens: 16 },
      clock: systemClock,
      random: createRandom(1),
      flushDelayMs: 0,
    });
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 16, onChange: mirror.sink });
    mirror.follow(index.rows);
    const { payload, source } = batch(0, 64);
    const decoded = createKvEventDecoder().decode(payload);
    if (!decoded.ok) throw decoded.error;
    index.apply(decoded.batch, source);
    const plugin = create(redisConfig(server.url, '5s'));
    await found(plugin, 4);
    await plugin.close?.();
  });
});

test('an index in Redis that cannot be reached is done without', async () => {
  const plugin = create(redisConfig('redis://127.0.0.1:1', '10ms'));
  expect((await ask(plugin)).matched).toBeUndefined();
  expect((await ask(plugin)).note).toMatch(/^the index did not answer: /);
  await plugin.close?.();
});
