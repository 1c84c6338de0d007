import { createRandom, randomBelow, systemClock } from '@llm-d/determinism';
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
import { BatchBuilder } from '../testing.ts';
import { openCutConnection } from './cut-connection.testing.ts';
import { createKvRedisMirror } from './kv-redis-mirror.ts';
import { createKvRedisReader } from './kv-redis-reader.ts';
import {
  RandomFleet,
  expectSameLookups,
  expectSameRows,
  openRig,
  promptKeys,
} from './redis-rig.testing.ts';

const part = await findRedisServer();
const source = (pod: string, epoch = '1') => ({ pod, dpRank: 0, model: 'm', epoch });
const stored = (blocks: number) => {
  const tokens = Array.from({ length: 4 * blocks }, (_, i) => i);
  const hashes = Array.from({ length: blocks }, (_, i) => BigInt(i + 1));
  return new BatchBuilder().stored({ hashes, tokens }).build();
};
/** Prompt 0 begins with the same tokens. */
const keys = promptKeys[0] ?? new Uint32Array();
const eventually = <T>(check: () => T) => vi.waitFor(check, { timeout: 20_000, interval: 10 });

describe.skipIf(isSkipped(part))(
  titleWith('the mirror in a real Redis', part),
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
      redis.on('error', () => undefined);
      await redis.flushall();
      return () => {
        redis.disconnect();
      };
    });
    afterAll(() => servers.disposeAsync());

    test.each([
      ['pods alone', false],
      ['storage for everyone', true],
    ])(
      'after any history of %s, rows and lookups are those of the index',
      async (_, everywhere) => {
        for (let seed = 1; seed <= 12; seed++) {
          await redis.flushall();
          await using rig = await openRig(server.url);
          const fleet = new RandomFleet(seed, { everywhere });
          for (let round = 0; round < 5; round++) {
            for (let step = 0; step < 12; step++) fleet.step(rig.index);
            await rig.mirror.flush();
            await expectSameLookups(rig);
            await expectSameRows(server.url, rig);
          }
        }
      },
    );

    test('rows go with their pods, and everything has an end when nobody writes', async () => {
      await using rig = await openRig(server.url);
      rig.index.apply(stored(300), source('a'));
      rig.index.apply(stored(200), source('b'));
      await rig.mirror.flush();
      rig.index.clear('a');
      await rig.mirror.flush();
      const { holders } = await rig.reader.lookup(keys);
      expect(holders).toMatchObject([{ pod: 'b', blocks: 200 }]);
      rig.index.remove('b');
      rig.index.sweep(Infinity);
      await rig.mirror.flush();
      await expectSameRows(server.url, rig);
      expect((await rig.reader.lookup(keys)).holders).toEqual([]);
      for (const key of await redis.keys('*')) expect(await redis.pttl(key)).toBeGreaterThan(0);
    });

    test('a server that comes back empty is filled again, and nothing is found meanwhile', async () => {
      await using rig = await openRig(server.url);
      rig.index.apply(stored(300), source('a'));
      await rig.mirror.flush();
      await server.stop();
      await expect(rig.reader.lookup(keys)).rejects.toMatchObject({
        code: 'KV_REDIS_UNAVAILABLE',
        reason: 'unreachable',
      });
      expect(rig.reader.state).toBe('unavailable');
      rig.index.apply(stored(100), source('b'));
      await server.start('empty');
      await eventually(() => rig.mirror.flush());
      await eventually(async () => {
        await expectSameLookups(rig);
        expect(rig.reader.state).toBe('current');
      });
      await expectSameRows(server.url, rig);
      expect(rig.mirror.status()).toMatchObject({
        state: 'current',
        generations: 2,
        pendingRows: 0,
      });
    });

    test('a server that comes back with what it saved is not believed', async () => {
      await using rig = await openRig(server.url);
      rig.index.apply(stored(300), source('a'));
      await rig.mirror.flush();
      await redis.save();
      rig.index.clear('a');
      rig.index.apply(stored(10), source('b'));
      await rig.mirror.flush();
      await server.stop();
      await server.start('saved');
      // Whatever is found of the old rows is marked.
      await eventually(async () => {
        const { holders } = await rig.reader.lookup(keys);
        if (holders.some(({ pod }) => pod === 'a')) expect(rig.reader.state).toBe('behind');
        expect(holders).toMatchObject([{ pod: 'b', blocks: 10 }]);
        expect(rig.reader.state).toBe('current');
      });
      await expectSameRows(server.url, rig);
    });

    test('what a restarted server saved is not current before its writer has spoken', async () => {
      const way = await openCutConnection(server.port);
      const options = { readFrom: server.url, leaseMs: 60_000 };
      await using rig = await openRig(`redis://127.0.0.1:${way.port}`, options);
      rig.index.apply(stored(300), source('a'));
      await rig.mirror.flush();
      await rig.reader.lookup(keys);
      expect(rig.reader.state).toBe('current');
      await redis.save();
      await way[Symbol.asyncDispose]();
      await server.start('saved');
      await eventually(() => rig.reader.lookup(keys));
      expect(rig.reader.state).toBe('behind');
    });

    test.each([1, 2, 3])(
      'connections cut in the middle leave the rows of the index (%i)',
      async (seed) => {
        await using way = await openCutConnection(server.port);
        await using rig = await openRig(`redis://127.0.0.1:${way.port}`, { readFrom: server.url });
        await rig.mirror.flush();
        const fleet = new RandomFleet(seed);
        const random = createRandom(seed);
        for (let cut = 1; cut <= 6; cut++) {
          way.cutAfter(1 + randomBelow(random, 60_000));
          while (way.cuts < cut) {
            for (let step = 0; step < 10; step++) fleet.step(rig.index);
            await rig.mirror.flush().catch(() => undefined);
          }
          await eventually(() => rig.mirror.flush());
          await expectSameLookups(rig);
          await expectSameRows(server.url, rig);
        }
        // Nothing was lost, so nothing was written anew.
        expect(rig.mirror.status().generations).toBe(1);
      },
    );

    test('rows that Redis dropped on its own are noticed and written again', async () => {
      await using rig = await openRig(server.url);
      rig.index.apply(stored(300), source('a'));
      await rig.mirror.flush();
      const [hash = ''] = await redis.keys('*:rows:*');
      await redis.del(hash);
      await eventually(() => {
        expect(rig.mirror.status()).toMatchObject({ state: 'current', generations: 2 });
      });
      await expectSameLookups(rig);
      await expectSameRows(server.url, rig);
    });

    test('more changes than may wait are written anew when Redis is back', async () => {
      await using way = await openCutConnection(server.port);
      const options = { readFrom: server.url, maxPendingRows: 50 };
      await using rig = await openRig(`redis://127.0.0.1:${way.port}`, options);
      rig.index.apply(stored(40), source('a'));
      await rig.mirror.flush();
      rig.index.apply(stored(300), source('b'));
      await eventually(() => rig.mirror.flush());
      await expectSameLookups(rig);
      await expectSameRows(server.url, rig);
      expect(rig.mirror.status().generations).toBeGreaterThan(1);
    });

    test('a second writer stands by, and takes over when the first is gone', async () => {
      const first = await openRig(server.url);
      first.index.apply(stored(300), source('a'));
      await first.mirror.flush();
      await using second = await openRig(server.url);
      second.index.apply(stored(300), source('a'));
      second.index.apply(stored(7), source('b'));
      await eventually(() => {
        expect(second.mirror.status().state).toBe('standby');
      });
      await second.mirror.flush();
      expect((await second.reader.lookup(keys)).holders).toMatchObject([{ pod: 'a', blocks: 300 }]);
      await first[Symbol.asyncDispose]();
      await eventually(() => {
        expect(second.mirror.status().state).toBe('current');
      });
      await eventually(() => second.mirror.flush());
      await expectSameLookups(second);
      await expectSameRows(server.url, second);
    });

    test('rows without a writer are marked', async () => {
      const rig = await openRig(server.url);
      rig.index.apply(stored(3), source('a'));
      await rig.mirror.flush();
      await using reader = await createKvRedisReader({
        ...{ redis: server.url, keys: { blockSizeTokens: 4 }, clock: systemClock },
      });
      await reader.lookup(keys);
      expect(reader.state).toBe('current');
      await rig[Symbol.asyncDispose]();
      expect((await reader.lookup(keys)).holders).toMatchObject([{ pod: 'a', blocks: 3 }]);
      expect(reader.state).toBe('behind');
    });

    test('a namespace that nobody has written is said to be empty', async () => {
      await using reader = await createKvRedisReader({
        ...{ redis: server.url, keys: { blockSizeTokens: 4 }, clock: systemClock },
      });
      await expect(reader.lookup(keys)).rejects.toMatchObject({
        code: 'KV_REDIS_UNAVAILABLE',
        reason: 'empty',
        namespace: 'kv',
      });
    });

    test('namespaces share a server without seeing each other', async () => {
      await using one = await openRig(server.url, { namespace: 'one' });
      await using two = await openRig(server.url, { namespace: 'two' });
      one.index.apply(stored(3), source('a'));
      two.index.apply(stored(5), source('a'));
      await Promise.all([one.mirror.flush(), two.mirror.flush()]);
      await expectSameLookups(one);
      await expectSameLookups(two);
      await expect(openRig(server.url, { namespace: 'a{b}' })).rejects.toThrow('braces');
    });

    test.each([
      ['block size', { blockSizeTokens: 8 }],
      ['seed', { blockSizeTokens: 4, hashSeed: 'x' }],
      ['hash', { blockSizeTokens: 4, algorithm: 'xxh64' as const }],
    ])('a reader with another %s is refused', async (_, other) => {
      await using rig = await openRig(server.url);
      await rig.mirror.flush();
      const options = { redis: server.url, keys: other, clock: systemClock };
      await using reader = await createKvRedisReader(options);
      await expect(reader.lookup(keys)).rejects.toMatchObject({ code: 'KV_REDIS_LAYOUT' });
    });

    test('a flush ends with its signal, and with the mirror', async () => {
      await using way = await openCutConnection(server.port);
      const rig = await openRig(`redis://127.0.0.1:${way.port}`, { readFrom: server.url });
      await rig.mirror.flush();
      rig.index.apply(stored(5), source('a'));
      await expect(rig.mirror.flush(AbortSignal.abort())).rejects.toMatchObject({
        code: 'ABORTED',
      });
      await rig[Symbol.asyncDispose]();
      await expect(rig.mirror.flush()).rejects.toMatchObject({ code: 'KV_REDIS_UNAVAILABLE' });
    });
  },
);

describe.skipIf(isSkipped(part))(titleWith('a first connection', part), { timeout: 60_000 }, () => {
  const rest = {
    ...{ keys: { blockSizeTokens: 4 }, clock: systemClock, random: createRandom(1) },
    connectTimeoutMs: 2000,
  };

  test('with the wrong password says so, without the password', async () => {
    await using server = await startRedisServer({ path: pathOf(part), password: 'right' });
    await using good = await createKvRedisMirror({ redis: server.url, ...rest });
    expect(good.status().state).toBe('idle');
    const wrong = `redis://:mistaken@127.0.0.1:${server.port}`;
    for (const redis of [wrong, `127.0.0.1:${server.port}`, [wrong]]) {
      const error: unknown = await createKvRedisMirror({ redis, ...rest }).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'KV_REDIS_CONNECT', reason: 'credentials' });
      expect(String(error)).not.toContain('mistaken');
    }
  });

  test('to nobody ends in time', async () => {
    await using server = await startRedisServer({ path: pathOf(part) });
    await server.stop();
    await expect(createKvRedisMirror({ redis: server.url, ...rest })).rejects.toMatchObject({
      code: 'KV_REDIS_CONNECT',
      reason: 'unreachable',
    });
  });

  test.each(['http://somewhere', 'redis://'])('to %s is refused', async (redis) => {
    await expect(createKvRedisMirror({ redis, ...rest })).rejects.toMatchObject({
      reason: 'address',
    });
  });
});
