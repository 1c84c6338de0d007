import { systemClock } from '@llm-d/determinism';
import {
  type RunningRedisServer,
  findRedisServer,
  isSkipped,
  pathOf,
  startRedisServer,
  titleWith,
} from '@llm-d/test-kit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMemoryKvBlockIndex } from '../../memory/memory-index.ts';
import { createRequestKeyHasher } from '../../request-key-hasher.ts';
import { BatchBuilder } from '../../testing.ts';
import { openCutConnection } from '../cut-connection.testing.ts';
import { createUpstreamKvRedisReader } from './upstream-kv-redis-reader.ts';
import { createUpstreamKvRedisWriter } from './upstream-kv-redis-writer.ts';

const part = await findRedisServer();
const clock = systemClock;
const keys = createRequestKeyHasher().keys(
  Uint32Array.from({ length: 12 }, (_, i) => i),
  { model: 'm', blockSizeTokens: 4 },
);
/** The same as llm-d names them. */
const first = '17285939621594237469';
const second = '1825881749070597870';
const third = '13094865344280660774';
const source = (pod: string) => ({ pod, dpRank: 0, model: 'm', epoch: '1' });
const stored = (hashes: bigint[], rest: object = {}) =>
  new BatchBuilder()
    .stored({ hashes, tokens: Array.from({ length: 12 }, (_, i) => i), ...rest })
    .build();
const removed = (hashes: bigint[], rest: object = {}) =>
  new BatchBuilder().removed({ hashes, ...rest }).build();

async function open(url: string) {
  const writer = await createUpstreamKvRedisWriter({ redis: url, clock });
  const index = createMemoryKvBlockIndex({ blockSizeTokens: 4, onChange: writer.sink });
  writer.follow(index.rows);
  return { writer, index, [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose]() };
}

/** Everything in a database: the fields of hashes, the scored members of sorted sets. */
async function dump(redis: Redis): Promise<Record<string, unknown>> {
  const content: Record<string, unknown> = {};
  for (const key of (await redis.keys('*')).sort()) {
    content[key] =
      (await redis.type(key)) === 'zset'
        ? await redis.zrange(key, '0', '-1', 'WITHSCORES')
        : await redis.hgetall(key);
  }
  return content;
}

describe.skipIf(isSkipped(part))(
  titleWith("llm-d's rows in a real Redis", part),
  { timeout: 60_000 },
  () => {
    const servers = new AsyncDisposableStack();
    let server: RunningRedisServer;
    let redis: Redis;
    beforeAll(async () => {
      server = servers.use(await startRedisServer({ path: pathOf(part) }));
    });
    beforeEach(async () => {
      redis = new Redis(server.url);
      await redis.flushall();
      return () => {
        redis.disconnect();
      };
    });
    afterAll(() => servers.disposeAsync());

    test('blocks are written as llm-d writes them, and taken out again', async () => {
      await using rows = await open(server.url);
      rows.index.apply(stored([1n, 2n, 2n ** 64n - 1n]), source('10.0.0.1:8000'));
      rows.index.apply(stored([1n, 2n, 3n], { groupIndex: 0 }), source('10.0.0.2:8000'));
      const copy = { tokens: [], blockSizeTokens: 0, medium: 'CPU' };
      rows.index.apply(stored([1n], copy), source('10.0.0.1:8000'));
      await rows.writer.flush();
      const gpu1 =
        '{"PodIdentifier":"10.0.0.1:8000","DeviceTier":"gpu","Speculative":false,"HasGroup":false,"GroupIdx":0}';
      const cpu1 =
        '{"PodIdentifier":"10.0.0.1:8000","DeviceTier":"cpu","Speculative":false,"HasGroup":false,"GroupIdx":0}';
      const gpu2 =
        '{"PodIdentifier":"10.0.0.2:8000","DeviceTier":"gpu","Speculative":false,"HasGroup":true,"GroupIdx":0}';
      expect(await dump(redis)).toEqual({
        [first]: { [gpu1]: '', [gpu2]: '', [cpu1]: '' },
        [second]: { [gpu1]: '', [gpu2]: '' },
        [third]: { [gpu1]: '', [gpu2]: '' },
        'engine:1': [first, '0'],
        'engine:2': [second, '0'],
        'engine:3': [third, '0'],
        'engine:18446744073709551615': [third, '0'],
      });
      rows.index.apply(removed([1n, 2n]), source('10.0.0.1:8000'));
      rows.index.apply(removed([1n, 2n, 3n], { groupIndex: 0 }), source('10.0.0.2:8000'));
      await rows.writer.flush();
      expect(await dump(redis)).toEqual({
        [first]: { [cpu1]: '' },
        [third]: { [gpu1]: '' },
        'engine:1': [first, '0'],
        'engine:3': [third, '0'],
        'engine:18446744073709551615': [third, '0'],
      });
      expect(rows.writer.status()).toMatchObject({ pendingChanges: 0, lostChanges: 0 });
    });

    test('a large engine block leads to its request keys in order, small ones to one', async () => {
      await using rows = await open(server.url);
      rows.index.apply(stored([7n]), source('large'));
      rows.index.apply(stored([11n, 12n, 13n, 14n, 15n, 16n]), source('small'));
      await rows.writer.flush();
      expect(await redis.zrange('engine:7', '0', '-1', 'WITHSCORES')).toEqual([
        ...[first, '0', second, '1', third, '2'],
      ]);
      expect(await redis.zrange('engine:11', '0', '-1', 'WITHSCORES')).toEqual([first, '0']);
      expect(await redis.zrange('engine:12', '0', '-1', 'WITHSCORES')).toEqual([first, '0']);
      expect(await redis.zrange('engine:16', '0', '-1', 'WITHSCORES')).toEqual([third, '0']);
      rows.index.apply(removed([7n]), source('large'));
      rows.index.remove('small');
      rows.index.sweep(Infinity);
      await rows.writer.flush();
      // As in llm-d, an engine key stays when somebody else has its blocks at the moment when it would go.
      expect(Object.keys(await dump(redis))).toEqual(['engine:7']);
    });

    test('what llm-d does not index is left out', async () => {
      await using rows = await open(server.url);
      const state = { groupIndex: 1, specKind: 'mamba' };
      rows.index.apply(stored([1n, 2n, 3n], state), source('a'));
      rows.index.apply(stored([1n, 2n, 3n]), { ...source('storage'), everywhere: true });
      await rows.writer.flush();
      expect(await dump(redis)).toEqual({});
    });

    test("rows written by llm-d's endpoint pickers are found", async () => {
      const entry = (pod: string, rest: object = {}) =>
        JSON.stringify({
          ...{ PodIdentifier: pod, DeviceTier: 'gpu', Speculative: false },
          ...{ HasGroup: false, GroupIdx: 0, ...rest },
        });
      await redis.hset(
        first,
        entry('a'),
        '',
        entry('b', { DeviceTier: 'cpu' }),
        '',
        'no entry',
        '',
      );
      await redis.hset(second, entry('a', { HasGroup: true, GroupIdx: 3 }), '');
      await redis.hset(second, entry('b', { DeviceTier: '', Speculative: true }), '');
      await redis.set(third, 'not a hash');
      await using reader = await createUpstreamKvRedisReader({
        redis: server.url,
        clock,
        model: 'm',
      });
      const { holders, everywhere } = await reader.lookup(keys);
      const rank = { dpRank: 0, model: 'm', blocks: 2 };
      expect([...holders].sort((x, y) => x.pod.localeCompare(y.pod))).toEqual([
        { pod: 'a', ...rank, weightedBlocks: 2, byTier: [{ tier: 'gpu', blocks: 2 }] },
        {
          ...{ pod: 'b', ...rank, weightedBlocks: 1.8 },
          byTier: expect.arrayContaining([
            { tier: 'cpu', blocks: 1 },
            { tier: 'speculative', blocks: 1 },
          ]) as unknown,
        },
      ]);
      expect(everywhere.blocks).toBe(0);
      expect((await reader.lookup(new Uint32Array())).holders).toEqual([]);
    });

    test('what is written is found as in the index', async () => {
      await using rows = await open(server.url);
      await using reader = await createUpstreamKvRedisReader({
        redis: server.url,
        clock,
        model: 'm',
      });
      const tokens = Array.from({ length: 4 * 500 }, (_, i) => i);
      const hashes = Array.from({ length: 500 }, (_, i) => BigInt(i + 1));
      const long = { hashes, tokens };
      for (let pod = 0; pod < 40; pod++) {
        rows.index.apply(new BatchBuilder().stored(long).build(), source(`pod-${pod}`));
        const gone = hashes.slice(10 * pod, 10 * pod + 1);
        rows.index.apply(removed(gone), source(`pod-${pod}`));
      }
      await rows.writer.flush();
      const prompt = createRequestKeyHasher().keys(Uint32Array.from(tokens), {
        ...{ model: 'm', blockSizeTokens: 4 },
      });
      const byPod = (x: { pod: string }, y: { pod: string }) => x.pod.localeCompare(y.pod);
      const found = (await reader.lookup(prompt)).holders;
      expect([...found].sort(byPod)).toEqual([...rows.index.lookup(prompt).holders].sort(byPod));
      expect(found).toHaveLength(39);
    });

    test('changes whose answer was lost are made again', async () => {
      await using way = await openCutConnection(server.port);
      await using rows = await open(`redis://127.0.0.1:${way.port}`);
      for (let cut = 1; cut <= 5; cut++) {
        way.cutAfter(500 * cut);
        rows.index.apply(stored([1n, 2n, 3n]), source('a'));
        rows.index.apply(removed([2n]), source('a'));
        await vi.waitFor(() => rows.writer.flush(), { timeout: 20_000 });
        const content = Object.keys(await dump(redis)).sort();
        expect(content).toEqual([first, third, 'engine:1', 'engine:3'].sort());
        rows.index.remove('a');
        rows.index.sweep(Infinity);
        await vi.waitFor(() => rows.writer.flush(), { timeout: 20_000 });
        expect(await dump(redis)).toEqual({});
      }
      expect(way.cuts).toBeGreaterThan(0);
    });

    test('more changes than may wait are counted as lost', async () => {
      await using writer = await createUpstreamKvRedisWriter({
        ...{ redis: server.url, clock, maxPendingChanges: 2 },
      });
      const index = createMemoryKvBlockIndex({ blockSizeTokens: 4, onChange: writer.sink });
      writer.follow(index.rows);
      index.apply(stored([1n, 2n, 3n]), source('a'));
      expect(writer.status()).toMatchObject({ pendingChanges: 2, lostChanges: 1 });
    });

    test('a cluster is refused', async () => {
      await using cluster = await startRedisServer({ path: pathOf(part), cluster: true });
      for (const redis of [cluster.url, [cluster.url]]) {
        for (const create of [createUpstreamKvRedisWriter, createUpstreamKvRedisReader]) {
          await expect(create({ redis, clock })).rejects.toMatchObject({
            code: 'KV_REDIS_LAYOUT',
            message: expect.stringContaining('Redis Cluster') as unknown,
          });
        }
      }
    });
  },
);
