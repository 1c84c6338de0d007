import { VirtualClock, createRandom, systemClock } from '@llm-d/determinism';
import { findRedisServer, isSkipped, pathOf, startRedisServer, titleWith } from '@llm-d/test-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatchBuilder, describeKvBlockIndex } from '../testing.ts';
import { createRedisKvBlockIndex } from './redis-kv-block-index.ts';

const redis = await findRedisServer();
const random = createRandom(1);

describe.skipIf(isSkipped(redis)).each([
  ['Redis', false],
  ['a Redis Cluster', true],
])(titleWith('%s', redis), { timeout: 60_000 }, (name, cluster) => {
  const servers = new AsyncDisposableStack();
  let url = '';
  let namespaces = 0;
  beforeAll(async () => {
    const server = servers.use(await startRedisServer({ path: pathOf(redis), cluster }));
    url = server.url;
  });
  afterAll(() => servers.disposeAsync());

  describeKvBlockIndex(`the index in ${name}`, () =>
    createRedisKvBlockIndex({
      redis: cluster ? [url] : url,
      namespace: `kv-${namespaces++}`,
      blockSizeTokens: 4,
      flushDelayMs: 0,
      clock: systemClock,
      random,
    }),
  );

  test('a pod that nobody names any more goes', async () => {
    const clock = new VirtualClock();
    await using index = await createRedisKvBlockIndex({
      ...{ redis: cluster ? [url] : url, namespace: `kv-${namespaces++}` },
      ...{ clock, random, ownerTtlMs: 1000 },
    });
    const event = { hashes: [1n], tokens: [1] };
    const batch = new BatchBuilder().stored({ ...event, blockSizeTokens: 1 }).build();
    for (const pod of ['a', 'b', 'c']) {
      index.apply(batch, { pod, dpRank: 0, model: 'm', epoch: '1' });
      clock.advance(300);
    }
    const pods = () => index.stats().sources.map(({ pod }) => pod);
    index.touch(['a', 'unknown']);
    clock.advance(500);
    expect(pods()).toEqual(['a', 'c']);
    clock.advance(300);
    expect(pods()).toEqual(['a']);
    clock.advance(300);
    expect(pods()).toEqual([]);
  });
});
