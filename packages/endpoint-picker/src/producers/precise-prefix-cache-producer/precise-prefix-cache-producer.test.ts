import { VirtualClock } from '@llm-d/determinism';
import type { KvMatches } from '@llm-d/kv-index';
import {
  prefixKnowledge,
  prefixMatches,
  type Completion,
  type Endpoint,
  type Plugin,
  type ProfileOutcome,
  type SchedulingCycle,
  type SchedulingResult,
} from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopTelemetry, type LogFields } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import {
  kvIndexLookupHitsTotal,
  kvIndexLookupLatencySeconds,
  kvIndexLookupRequestsTotal,
  kvIndexMaxPodHitCountTotal,
  kvIndexSpeculativeEntries,
  kvIndexTokenParity,
  kvIndexUnusedTotal,
} from '../../metric-definitions/kv-index-series.ts';
import { approxPrefixCacheProducer } from '../approx-prefix-cache-producer/approx-prefix-cache-producer.ts';
import { instantiate, produce } from '../producing.testing.ts';
import { tokenProducer } from '../token-producer/token-producer.ts';
import {
  batchOf,
  fakeKvSources,
  feed,
  storedPrompt,
  type FakeKvSources,
  type FakeKvSourcesOptions,
} from './fake-kv-sources.testing.ts';
import { createPrecisePrefixCacheProducer } from './precise-prefix-cache-producer.ts';

const TYPE = 'precise-prefix-cache-producer';
const labels = { plugin_name: TYPE, plugin_type: TYPE };
const engine = { kvBlockSizeTokens: 16 };
const a = makeEndpoint('a').metric(engine);
const b = makeEndpoint('b').metric(engine);
const tokens = (length: number, first = 1) => Uint32Array.from({ length }, (_, i) => first + i);
const settle = () => new Promise((resolve) => setImmediate(resolve));
const natural: Completion = { termination: 'natural', status: 200, usage: undefined, atMs: 0 };

const scheduledOn = (endpoint: Endpoint, prefill?: Endpoint): SchedulingResult => {
  const outcome = {
    profile: 'prefill',
    candidates: [],
    filters: [],
    scored: [],
    scorers: [],
    totals: [],
    picked: prefill ? [prefill] : [],
  } satisfies ProfileOutcome;
  return {
    kind: 'scheduled',
    primary: 'default',
    endpoints: [endpoint],
    outcomes: new Map(prefill ? [['prefill', outcome]] : []),
  };
};

interface SetUp extends FakeKvSourcesOptions {
  readonly parameters?: object;
  readonly endpoints?: readonly Endpoint[];
}

async function setUp({ parameters = {}, endpoints = [a, b], ...options }: SetUp = {}) {
  const metrics = recordingMetrics();
  const clock = new VirtualClock();
  const logged: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const log = (message: string, fields?: LogFields) => {
    logged.push({ message, fields });
  };
  const logger = { ...noopTelemetry.logger, warn: log, error: log, info: log };
  const sources: FakeKvSources = fakeKvSources(options);
  const telemetry = { ...noopTelemetry, metrics, logger };
  const plugin = instantiate(createPrecisePrefixCacheProducer(sources), {
    parameters,
    telemetry,
    clock,
  });
  for (const endpoint of endpoints) plugin.endpoints?.endpointAdded?.(endpoint);
  await settle();
  const approximate = instantiate(approxPrefixCacheProducer, { clock });
  const ask = (ids: Uint32Array, request: object = {}) =>
    produce(plugin, {
      request: { prompt: { kind: 'tokens', ids }, ...request },
      candidates: endpoints,
      after: [instantiate(tokenProducer), approximate],
    });
  const send = async (ids: Uint32Array, endpoint: Endpoint, prefill?: Endpoint) => {
    const cycle = await ask(ids);
    const result = scheduledOn(endpoint, prefill);
    plugin.preRequest?.preRequest(cycle, result, new Map());
    approximate.preRequest?.preRequest(cycle, result, new Map());
    const end = (completion: Partial<Completion> = {}) =>
      plugin.response?.responseCompleted?.({ cycle, result }, { ...natural, ...completion });
    return { cycle, end };
  };
  return { plugin, sources, ask, send, metrics, clock, logged, approximate };
}

const matched = (cycle: SchedulingCycle, ...endpoints: Endpoint[]) =>
  endpoints.map((endpoint) => cycle.attributes.get(prefixMatches(TYPE))?.matchedBlocks(endpoint));
const tiers = (cycle: SchedulingCycle, endpoint: Endpoint) =>
  cycle.attributes.get(prefixMatches(TYPE))?.cachedBlocksByTier?.(endpoint);
const knowledge = (cycle: SchedulingCycle) => cycle.attributes.get(prefixKnowledge(TYPE));
const stateOf = (plugin: Plugin) => plugin.state?.() as Readonly<Record<string, unknown>>;

describe('what engines report', () => {
  test('is found by whoever asks for the same prompt, and told how fresh it is', async () => {
    const { sources, ask } = await setUp();
    sources.publish(a, storedPrompt(tokens(64)));
    sources.publish(b, storedPrompt(tokens(32), 16, 'CPU'));
    const cycle = await ask(Uint32Array.from([...tokens(48), ...tokens(32, 900)]));
    expect(matched(cycle, a, b)).toEqual([3, 1]);
    expect(tiers(cycle, b)).toEqual([{ tier: 'cpu', blocks: 2 }]);
    expect(cycle.attributes.get(prefixMatches(TYPE))).toMatchObject({
      totalBlocks: 5,
      blockSizeTokens: 16,
      promptTokens: 80,
    });
    expect(knowledge(cycle)).toEqual({
      basis: 'events',
      freshness: { isCaughtUp: true, oldestMs: 0, sources: 2, wholeSources: 2, lostBatches: 0 },
    });
  });

  test.each([
    ['another model', { targetModel: 'other' }],
    ['another cache salt', { cacheSalt: 'tenant-2' }],
  ])('does not hold for %s', async (_, request) => {
    const { sources, ask } = await setUp();
    sources.publish(a, storedPrompt(tokens(64)));
    expect(matched(await ask(tokens(64), request), a)).toEqual([0]);
  });

  test('is weighted as configured', async () => {
    const kvCacheBackendConfigs = [{ name: 'CPU', weight: 0.25 }];
    const { sources, ask } = await setUp({
      parameters: { indexerConfig: { kvCacheBackendConfigs } },
    });
    sources.publish(a, storedPrompt(tokens(64), 16, 'CPU'));
    expect(matched(await ask(tokens(64)), a)).toEqual([1]);
  });

  test('is doubted where batches were lost', async () => {
    const { sources, ask } = await setUp();
    sources.publish(a, storedPrompt(tokens(64)));
    const [first] = sources.followed;
    void first?.onMessage({
      kind: 'loss',
      source: { pod: a.hostPort, dpRank: 0, model: 'm', epoch: first.epoch },
      fromSequence: 1,
      untilSequence: 3,
      receivedMs: 0,
    });
    const cycle = await ask(tokens(64));
    expect(matched(cycle, a)).toEqual([4]);
    expect(knowledge(cycle)).toMatchObject({
      note: 'of 1 sources 1 are incomplete or silent',
      freshness: { sources: 1, wholeSources: 0, lostBatches: 3 },
    });
  });

  test('is not all there is to know while some engines have not been heard of', async () => {
    const { sources, ask } = await setUp();
    sources.publish(a, storedPrompt(tokens(64)));
    expect(knowledge(await ask(tokens(64)))?.note).toBe('1 of 2 engines have not been heard of');
  });

  test('is measured as llm-d measures it', async () => {
    const { sources, ask, metrics } = await setUp();
    sources.publish(a, storedPrompt(tokens(64)));
    await ask(tokens(64));
    await ask(tokens(64, 500));
    expect(metrics.value(kvIndexLookupRequestsTotal, {})).toBe(2);
    expect(metrics.value(kvIndexLookupHitsTotal, {})).toBe(4);
    expect(metrics.value(kvIndexMaxPodHitCountTotal, {})).toBe(4);
    expect(metrics.observations(kvIndexLookupLatencySeconds, {})).toEqual([0, 0]);
  });
});

describe('endpoints', () => {
  test('are listened to at the ports of their rank', async () => {
    const podDiscoveryConfig = { socketPort: 5600, replaySocketPort: 5700 };
    const second = { ...makeEndpoint('b'), rank: 1, id: 'default/b-rank-1' };
    const { sources } = await setUp({
      parameters: { kvEventsConfig: { podDiscoveryConfig, topicFilter: 'kv@x' } },
      endpoints: [makeEndpoint('a'), second],
    });
    expect(sources.followed).toMatchObject([
      {
        endpoint: 'tcp://10.0.0.1:5600',
        replayEndpoint: 'tcp://10.0.0.1:5700',
        pod: '10.0.0.1:8000',
        dpRank: 0,
        topicFilter: 'kv@x',
      },
      { endpoint: 'tcp://10.0.0.2:5601', replayEndpoint: 'tcp://10.0.0.2:5701', dpRank: 1 },
    ]);
  });

  test('that leave are listened to no longer, and forgotten', async () => {
    const { plugin, sources, ask, clock } = await setUp();
    sources.publish(a, storedPrompt(tokens(64)));
    clock.advance(10);
    plugin.endpoints?.endpointRemoved?.(a);
    await settle();
    expect(sources.followed.map(({ pod }) => pod)).toEqual([b.hostPort]);
    clock.advance(10);
    plugin.endpoints?.endpointAdded?.(a);
    await settle();
    expect(matched(await ask(tokens(64)), a)).toEqual([0]);
    sources.publish(a, storedPrompt(tokens(32)));
    expect(matched(await ask(tokens(64)), a)).toEqual([2]);
  });

  test('that cannot be listened to are tried again', async () => {
    const { sources, clock, logged } = await setUp({ failures: 1, endpoints: [a] });
    expect(sources.followed).toEqual([]);
    expect(logged.map(({ message }) => message)).toEqual(['a source of KV events failed']);
    clock.advance(5000);
    await settle();
    expect(sources.followed.map(({ pod }) => pod)).toEqual([a.hostPort]);
  });

  test('are left alone where discovery is off', async () => {
    const { sources } = await setUp({ parameters: { kvEventsConfig: { discoverPods: false } } });
    expect(sources.followed).toEqual([]);
  });

  test('whose ranks are endpoints match their rank only', async () => {
    const rankOf = (rank: number): Endpoint => ({
      ...makeEndpoint('p', rank).at('10.9.0.1', 8000 + rank),
      rank,
      id: `default/p-rank-${rank}`,
    });
    const [first, second] = [rankOf(0), rankOf(1)];
    const { sources, ask } = await setUp({ endpoints: [first, second] });
    sources.publish(second, storedPrompt(tokens(64)));
    expect(matched(await ask(tokens(64)), first, second)).toEqual([0, 4]);
  });

  test('nothing is listened to after the end', async () => {
    const { plugin, sources } = await setUp({
      parameters: { kvEventsConfig: { zmqEndpoint: 'tcp://*:5557' } },
    });
    await plugin.close?.();
    expect(sources.followed).toEqual([]);
    expect(sources.bound.map(({ signal }) => signal.aborted)).toEqual([true]);
  });
});

describe('other ways than one connection to each engine', () => {
  test('engines that connect are known by their topics, and no longer connected to', async () => {
    const { sources, ask } = await setUp({
      parameters: { kvEventsConfig: { zmqEndpoint: 'tcp://*:5557' } },
    });
    expect(sources.bound).toMatchObject([{ endpoint: 'tcp://*:5557', topicFilter: 'kv@' }]);
    void sources.bound[0]?.onMessage(batchOf(a.hostPort, 0, storedPrompt(tokens(64))));
    await settle();
    expect(matched(await ask(tokens(64)), a, b)).toEqual([4, 0]);
    expect(sources.followed.map(({ pod }) => pod)).toEqual([b.hostPort]);
  });

  test('a bus is read instead of engines, and not trusted before it has been caught up with', async () => {
    const nats = { servers: 'nats://one:4222,nats://two:4222', stream: 'S', subjectPrefix: 'x' };
    const { sources, ask, send, metrics } = await setUp({
      parameters: { kvEventsConfig: { nats }, fallback: 'approximate' },
    });
    const [bus] = sources.buses;
    const beginning = await bus?.begin(undefined);
    const reader = beginning?.reader;
    expect(beginning?.after).toBeUndefined();
    expect(sources.followed).toEqual([]);
    expect(bus).toMatchObject({ ...nats, servers: ['nats://one:4222', 'nats://two:4222'] });
    await send(tokens(128), b);
    if (reader) await feed(reader, batchOf(a.hostPort, 0, storedPrompt(tokens(64))));
    const early = await ask(tokens(128));
    expect([matched(early, a, b), knowledge(early)?.basis]).toEqual([[0, 2], 'approximate']);
    expect(knowledge(early)?.note).toBe('events are still being caught up with');
    expect(metrics.value(kvIndexUnusedTotal, { ...labels, reason: 'nothing_known' })).toBe(2);
    reader?.onCaughtUp?.(true);
    const late = await ask(tokens(128));
    expect([matched(late, a, b), knowledge(late)?.basis]).toEqual([[4, 0], 'events']);
  });

  const redis = { indexerConfig: { kvBlockIndexConfig: { redisConfig: { address: 'r:6379' } } } };
  const answer: KvMatches = {
    holders: [{ pod: b.hostPort, dpRank: 0, model: 'm', blocks: 2, weightedBlocks: 2, byTier: [] }],
    everywhere: { blocks: 0, weightedBlocks: 0, byTier: [] },
  };

  test('Redis is asked where it is configured', async () => {
    const { sources, ask } = await setUp({
      parameters: redis,
      lookup: () => Promise.resolve(answer),
      doubt: 'its writer is silent',
    });
    expect(sources.redis).toMatchObject([
      {
        address: 'redis://r:6379',
        keys: { algorithm: 'cbor-fnv', hashSeed: '', blockSizeTokens: 16 },
      },
    ]);
    expect(sources.followed).toEqual([]);
    const cycle = await ask(tokens(64));
    expect(matched(cycle, a, b)).toEqual([0, 2]);
    expect(knowledge(cycle)).toEqual({ basis: 'events', note: 'its writer is silent' });
  });

  test('an index that does not answer in time is done without', async () => {
    const { ask, clock, metrics } = await setUp({
      parameters: redis,
      lookup: () => new Promise(() => undefined),
    });
    const asked = ask(tokens(64));
    await settle();
    clock.advance(50);
    const cycle = await asked;
    expect(matched(cycle, a)).toEqual([undefined]);
    expect(knowledge(cycle)).toEqual({
      basis: 'none',
      note: 'the index did not answer: no answer within 50 ms',
    });
    expect(metrics.value(kvIndexUnusedTotal, { ...labels, reason: 'lookup_failed' })).toBe(1);
  });

  test('memory with a bound on bytes goes before Redis', async () => {
    const kvBlockIndexConfig = { costAwareMemoryConfig: {}, redisConfig: {} };
    const { sources, plugin } = await setUp({
      parameters: { indexerConfig: { kvBlockIndexConfig } },
    });
    expect(sources.redis).toEqual([]);
    expect(stateOf(plugin)).toMatchObject({ backend: 'memory' });
  });
});

describe('a prompt whose tokens are only estimated', () => {
  const text = { prompt: { kind: 'text' as const, bytes: Buffer.from('x'.repeat(4096)) } };

  test('has no precise matches, and it is said why', async () => {
    const { ask, metrics, logged } = await setUp();
    const cycle = await ask(tokens(0), text);
    await ask(tokens(0), text);
    expect(matched(cycle, a)).toEqual([undefined]);
    expect(knowledge(cycle)).toMatchObject({
      basis: 'none',
      note: 'the prompt’s tokens are only estimated; give token-producer a modelName and a render server',
    });
    expect(metrics.value(kvIndexUnusedTotal, { ...labels, reason: 'no_tokens' })).toBe(2);
    expect(logged.map(({ message }) => message)).toEqual([
      'the engines’ KV events are of no use for a prompt',
    ]);
  });

  test('has approximate ones where that is wanted', async () => {
    const { ask, plugin, approximate } = await setUp({ parameters: { fallback: 'approximate' } });
    const first = await ask(tokens(0), text);
    expect([matched(first, a, b), knowledge(first)?.basis]).toEqual([[0, 0], 'approximate']);
    plugin.preRequest?.preRequest(first, scheduledOn(b), new Map());
    approximate.preRequest?.preRequest(first, scheduledOn(b), new Map());
    expect(matched(await ask(tokens(0), text), a, b)).toEqual([0, 16]);
  });
});

describe('speculative indexing', () => {
  const parameters = { speculativeIndexing: true };

  test('takes blocks for cached where their request was sent, for two seconds', async () => {
    const { send, ask, clock, metrics, plugin } = await setUp({ parameters });
    await send(tokens(64), a);
    const cycle = await ask(tokens(48));
    expect(matched(cycle, a, b)).toEqual([3, 0]);
    expect(tiers(cycle, a)).toEqual([{ tier: 'speculative', blocks: 3 }]);
    expect(metrics.value(kvIndexSpeculativeEntries, labels)).toBe(1);
    expect(stateOf(plugin)).toMatchObject({
      speculativeIndexing: true,
      speculativeEntries: [{ requestId: 'request-1', blocks: 4, expiresInMs: 2000 }],
      totalSpeculativeEntries: 1,
      maxSpeculativeEntries: 10_000,
    });
    clock.advance(2000);
    expect(matched(await ask(tokens(48)), a, b)).toEqual([0, 0]);
    expect(metrics.value(kvIndexSpeculativeEntries, labels)).toBe(0);
  });

  test('is off unless wanted', async () => {
    const { send, ask } = await setUp();
    await send(tokens(64), a);
    expect(matched(await ask(tokens(64)), a)).toEqual([0]);
  });

  test('covers the server that prefills, too', async () => {
    const { send, ask } = await setUp({ parameters });
    await send(tokens(64), a, b);
    expect(matched(await ask(tokens(64)), a, b)).toEqual([4, 4]);
  });

  test.each([
    ['failed', { termination: 'error' as const, status: undefined }],
    ['was answered with an error', { status: 503 }],
    ['was evicted', { termination: 'evicted' as const }],
  ])('takes back what belongs to a request that %s', async (_, completion) => {
    const { send, ask, metrics } = await setUp({ parameters });
    const { end } = await send(tokens(64), a);
    end(completion);
    expect(matched(await ask(tokens(64)), a)).toEqual([0]);
    expect(metrics.value(kvIndexSpeculativeEntries, labels)).toBe(0);
  });

  test('ends early when the engine reports the blocks', async () => {
    const { send, ask, sources, metrics } = await setUp({ parameters });
    await send(tokens(72), a);
    sources.publish(a, storedPrompt(tokens(72).subarray(0, 32)));
    expect(metrics.value(kvIndexSpeculativeEntries, labels)).toBe(1);
    expect(tiers(await ask(tokens(64)), a)).toEqual([
      { tier: 'gpu', blocks: 2 },
      { tier: 'speculative', blocks: 2 },
    ]);
    sources.publish(a, storedPrompt(tokens(72)));
    expect(metrics.value(kvIndexSpeculativeEntries, labels)).toBe(0);
    expect(tiers(await ask(tokens(64)), a)).toEqual([{ tier: 'gpu', blocks: 4 }]);
  });

  test('is shared with other replicas', async () => {
    const { send, ask, sources, plugin } = await setUp({ parameters });
    const { cycle } = await send(tokens(64), a);
    expect(cycle.request.id).toBe('request-1');
    expect(sources.published).toMatchObject([{ endpoint: a.hostPort, ttlMs: 2000 }]);
    const [shared] = sources.published;
    if (shared) sources.tell({ ...shared, endpoint: b.hostPort });
    sources.tell({ endpoint: 'unknown:1', keys: Uint32Array.of(1, 2), ttlMs: 2000 });
    expect(matched(await ask(tokens(64)), a, b)).toEqual([4, 4]);
    await plugin.close?.();
    expect(sources.followed).toEqual([]);
  });

  test('ends with its endpoint', async () => {
    const { send, ask, plugin } = await setUp({ parameters });
    await send(tokens(64), a);
    plugin.endpoints?.endpointRemoved?.(a);
    plugin.endpoints?.endpointAdded?.(a);
    expect(matched(await ask(tokens(64)), a)).toEqual([0]);
  });
});

describe('prompts that engines tokenize otherwise', () => {
  /** A request whose engine stores other tokens than ours, and says how many it counted. */
  async function diverge(
    { send, sources, clock }: Awaited<ReturnType<typeof setUp>>,
    count: number,
    engineTokens = (ids: Uint32Array): Uint32Array => ids.map((id) => id + 1),
  ) {
    for (let i = 0; i < count; i++) {
      const ids = tokens(64, 1000 * (i + 1));
      const { end } = await send(ids, a);
      const told = engineTokens(ids);
      sources.publish(a, storedPrompt(told));
      const usage = { promptTokens: told.length, completionTokens: 1, cachedTokens: 0 };
      end({ usage });
      clock.advance(1000);
      await settle();
    }
  }

  test('are found out, done without, and used again once they agree', async () => {
    const running = await setUp({ parameters: { fallback: 'approximate' } });
    const { ask, sources, metrics, plugin } = running;
    await diverge(running, 15);
    sources.publish(a, storedPrompt(tokens(64)));
    expect(knowledge(await ask(tokens(64)))?.basis).toBe('events');
    await diverge(running, 1);
    const cycle = await ask(tokens(64));
    expect(knowledge(cycle)).toMatchObject({
      basis: 'approximate',
      note: 'prompts are not tokenized as by the engines',
    });
    expect(metrics.value(kvIndexTokenParity, labels)).toBe(0);
    expect(metrics.value(kvIndexUnusedTotal, { ...labels, reason: 'token_parity' })).toBe(1);
    expect(stateOf(plugin)).toMatchObject({ tokenParity: { trusted: false, trials: 16 } });
    await diverge(running, 8, (ids) => ids);
    expect(knowledge(await ask(tokens(64)))?.basis).toBe('events');
    expect(metrics.value(kvIndexTokenParity, labels)).toBe(1);
  });

  test('are told of with the likely cause', async () => {
    const running = await setUp();
    await diverge(running, 16, (ids) => Uint32Array.from([7, ...ids]));
    expect(running.logged).toEqual([
      {
        message: 'prompts are not tokenized as by the engines; their KV events are not used',
        fields: {
          plugin: TYPE,
          cause:
            'the engine counted 65 tokens in a prompt of 64: token-producer uses another tokenizer or chat template',
        },
      },
    ]);
    expect(knowledge(await running.ask(tokens(64)))?.basis).toBe('none');
    await diverge(running, 8, (ids) => ids);
    expect(running.logged.at(-1)?.message).toBe('prompts are tokenized as by the engines again');
    expect(knowledge(await running.ask(tokens(64)))?.basis).toBe('events');
  });

  test('cannot be told where engines report nothing, or the answer failed', async () => {
    const { send, clock, plugin, sources } = await setUp();
    for (let i = 0; i < 20; i++) {
      (await send(tokens(64), a)).end();
      const failed = await send(tokens(64), a);
      sources.publish(b, storedPrompt(tokens(64, i)));
      failed.end({ status: 500 });
      clock.advance(1000);
      await settle();
    }
    expect(stateOf(plugin)).toMatchObject({ tokenParity: { trusted: true, trials: 0 } });
  });
});

test('an instance shows what it listens to', async () => {
  const { plugin, sources } = await setUp({ endpoints: [a] });
  sources.publish(a, storedPrompt(tokens(64)));
  expect(stateOf(plugin)).toMatchObject({
    backend: 'memory',
    blockSizeTokens: 16,
    subscribers: [{ source: 'default/a-rank-0', address: 'tcp://10.0.0.1:5557' }],
    totalSubscribers: 1,
    maxSubscribers: 100,
    speculativeIndexing: false,
    speculativeEntries: [],
    freshness: { isCaughtUp: true, sources: 1, wholeSources: 1 },
    sources: [{ state: 'whole', sequence: 0, lostBatches: 0 }],
    totalSources: 1,
    index: { blocks: 4, copies: 4 },
    tokenParity: { trusted: true, share: null, trials: 0 },
  });
});

test('a program without sources of events says so and knows nothing', async () => {
  const logged: string[] = [];
  const logger = { ...noopTelemetry.logger, warn: (message: string) => logged.push(message) };
  const plugin = instantiate(createPrecisePrefixCacheProducer(), {
    telemetry: { ...noopTelemetry, logger },
  });
  plugin.endpoints?.endpointAdded?.(a);
  const cycle = await produce(plugin, {
    request: { prompt: { kind: 'tokens', ids: tokens(64) } },
    candidates: [a],
    after: [instantiate(tokenProducer)],
  });
  expect(matched(cycle, a)).toEqual([0]);
  expect(knowledge(cycle)?.note).toBe('no engine has been heard of');
  expect(logged).toEqual(['no KV events are received: this program has no sources of them']);
  await plugin.close?.();
});

test('a request without a prompt is nothing to look up', async () => {
  const { plugin } = await setUp();
  const cycle = await produce(plugin, { candidates: [a] });
  expect([matched(cycle, a), knowledge(cycle)]).toEqual([[undefined], undefined]);
  plugin.preRequest?.preRequest(cycle, scheduledOn(a), new Map());
});
