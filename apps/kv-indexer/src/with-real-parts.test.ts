import {
  findNatsServer,
  findRedisServer,
  isSkipped,
  pathOf,
  startNatsServer,
  startRedisServer,
  titleWith,
} from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { until } from './kv-indexer.testing.ts';
import {
  lookupAt,
  readerOf,
  startLiveFleet,
  startProgramOn,
  statusOf,
  tellsTheTruth,
} from './with-real-parts.testing.ts';

const nats = await findNatsServer();
const redis = await findRedisServer();
const startNats = () => startNatsServer({ path: pathOf(nats) });
const startRedis = () => startRedisServer({ path: pathOf(redis) });
const limits = { timeout: 120_000 };

describe.skipIf(isSkipped(nats))(titleWith('with NATS', nats), limits, () => {
  test('a program that was told to end begins again where it was', async () => {
    await using server = await startNats();
    await using live = await startLiveFleet(server, 1);
    await live.run(300);
    {
      await using first = await startProgramOn(server);
      await tellsTheTruth(live, lookupAt(first.url));
      first.signal('SIGTERM');
      expect(await first.ended).toMatchObject({ code: 0 });
      expect((await first.ended).stdout).toContain('a snapshot was saved');
    }
    await live.run(50);
    await using second = await startProgramOn(server);
    expect(second.stdout).toContain('began with a snapshot');
    await tellsTheTruth(live, lookupAt(second.url));
    const sources = await (await fetch(`${second.url}/debug/sources`)).json();
    expect(sources).toMatchObject({ freshness: { sources: 4, wholeSources: 4, lostBatches: 0 } });
  });

  test('a NATS that ends and comes back costs nothing but time', async () => {
    await using server = await startNats();
    await using live = await startLiveFleet(server, 2);
    await using program = await startProgramOn(server);
    await live.run(100);
    const away = server.stop('SIGKILL').then(() => server.start());
    await Promise.all([away, live.run(100)]);
    await tellsTheTruth(live, lookupAt(program.url));
    await until(async () => (await statusOf(program))['isCaughtUp'] === true);
  });

  test('every replica answers for itself', async () => {
    await using server = await startNats();
    await using live = await startLiveFleet(server, 3);
    await using one = await startProgramOn(server, '--snapshot-interval=1s');
    await using two = await startProgramOn(server, '--snapshot-interval=1s');
    await live.run(200);
    await tellsTheTruth(live, lookupAt(one.url));
    await tellsTheTruth(live, lookupAt(two.url));
    await one.kill();
    await live.run(100);
    await tellsTheTruth(live, lookupAt(two.url));
  });

  test('one replica takes the snapshots, and another one when it ends', async () => {
    await using server = await startNats();
    await using live = await startLiveFleet(server, 7);
    await using one = await startProgramOn(server, '--snapshot-interval=1s');
    await using two = await startProgramOn(server, '--snapshot-interval=1s');
    const takes = async (program: typeof one) => (await statusOf(program))['takesSnapshots'];
    expect([await takes(one), await takes(two)]).toEqual([true, false]);
    await live.run(50);
    await until(() => one.stdout.includes('a snapshot was saved'));
    one.signal('SIGTERM');
    expect(await one.ended).toMatchObject({ code: 0 });
    expect(two.stdout).not.toContain('a snapshot was saved');
    await live.run(50);
    await until(() => two.stdout.includes('a snapshot was saved'));
    expect(await takes(two)).toBe(true);
  });

  test('without NATS it says so and ends', async () => {
    const server = await startNats();
    await server[Symbol.asyncDispose]();
    const error: unknown = await startProgramOn(server).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining('see --nats-url') as string });
  });
});

const both = 'missing' in nats ? nats : redis;
describe.skipIf(isSkipped(both))(titleWith('with NATS and Redis', both), limits, () => {
  test('a program killed while it writes leaves nothing wrong in Redis once another runs', async () => {
    await using server = await startNats();
    await using store = await startRedis();
    await using live = await startLiveFleet(server, 4);
    await using reader = await readerOf(store.url);
    const arguments_ = [`--redis-url=${store.url}`, '--snapshot-interval=1s'];
    for (let life = 0; life < 3; life++) {
      const program = await startProgramOn(server, ...arguments_);
      const writing = live.run(400);
      await until(async () => {
        const { redis: status } = await statusOf(program);
        return ((status ?? {}) as { writtenRows?: number }).writtenRows !== 0;
      });
      process.kill(program.pid, 'SIGKILL');
      expect(await program.ended).toMatchObject({ signal: 'SIGKILL' });
      await writing;
    }
    await using program = await startProgramOn(server, ...arguments_);
    await tellsTheTruth(live, (keys) => reader.lookup(keys));
    await tellsTheTruth(live, lookupAt(program.url));
  });

  test('a Redis that comes back empty is filled again', async () => {
    await using server = await startNats();
    await using store = await startRedis();
    await using live = await startLiveFleet(server, 5);
    await using program = await startProgramOn(server, `--redis-url=${store.url}`);
    await using reader = await readerOf(store.url);
    await live.run(200);
    await tellsTheTruth(live, (keys) => reader.lookup(keys));
    await store.stop();
    await live.run(50);
    await store.start('empty');
    await tellsTheTruth(live, (keys) => reader.lookup(keys));
    expect((await fetch(`${program.url}/readyz`)).status).toBe(200);
  });

  test('of two replicas one writes to Redis, and the other when that one is gone', async () => {
    await using server = await startNats();
    await using store = await startRedis();
    await using live = await startLiveFleet(server, 6);
    await using one = await startProgramOn(server, `--redis-url=${store.url}`);
    const redisState = async (program: typeof one) =>
      ((await statusOf(program))['redis'] as { state: string }).state;
    await until(async () => (await redisState(one)) === 'current');
    await using two = await startProgramOn(server, `--redis-url=${store.url}`);
    await until(async () => (await redisState(two)) === 'standby');
    await using reader = await readerOf(store.url);
    await live.run(100);
    await tellsTheTruth(live, (keys) => reader.lookup(keys));
    process.kill(one.pid, 'SIGKILL');
    await live.run(100);
    await tellsTheTruth(live, (keys) => reader.lookup(keys));
    expect(await redisState(two)).toBe('current');
  });
});
