import { systemClock } from '@llm-d/determinism';
import { makeGone } from '@llm-d/kv-events/testing';
import { createLocalKvBus } from '@llm-d/kv-events';
import { noopLogger } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import { startKvIndexer } from '../app.ts';
import { hashesOf, holding, startTestIndexer, testOptions, until } from '../kv-indexer.testing.ts';

const lines = async (url: string): Promise<unknown[]> => {
  const answer = await fetch(url);
  expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
  const text = await answer.text();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
};
const owner = (pod: string, tier = 'gpu') => ({ pod, dp_rank: 0, model: 'm', tier, group: 0 });

test('a dump has every block with its owners, and says whether there are more', async () => {
  await using started = await startTestIndexer();
  await started.publish(holding('a', 3), holding('b', 1, 'CPU'));
  const [first, second, third] = hashesOf(3);
  const dump = await lines(`${started.url}/dump`);
  expect(dump.at(-1)).toEqual({ blocks: 3, truncated: false });
  expect(dump.slice(0, -1)).toEqual(
    expect.arrayContaining([
      { block_hash: first, owners: expect.arrayContaining([owner('a'), owner('b', 'cpu')]) as [] },
      { block_hash: second, owners: [owner('a')] },
      { block_hash: third, owners: [owner('a')] },
    ]),
  );
  const ofPod = await lines(`${started.url}/dump?pod=b`);
  expect(ofPod).toHaveLength(2);
  expect(ofPod[1]).toEqual({ blocks: 1, truncated: false });
  expect((await lines(`${started.url}/dump?limit=2`))[2]).toEqual({ blocks: 2, truncated: true });
  expect((await lines(`${started.url}/dump?limit=3`))[3]).toEqual({ blocks: 3, truncated: false });
  expect(await started.get('/dump?limit=0')).toEqual({
    status: 400,
    body: { error: 'limit: expected a whole number from 1 to 10000000' },
  });
});

test('a dump of many blocks goes on at the reader’s pace, and ends with the reader', async () => {
  await using started = await startTestIndexer();
  await started.publish(holding('a', 30_000));
  const gone = new AbortController();
  const answer = await fetch(`${started.url}/dump?limit=1000000`, { signal: gone.signal });
  const reader = answer.body?.getReader();
  expect(await reader?.read()).toMatchObject({ done: false });
  gone.abort();
  const whole = await lines(`${started.url}/dump?limit=1000000`);
  expect(whole).toHaveLength(30_001);
});

test('the cache map counts blocks by pod, tier and number of holders', async () => {
  await using started = await startTestIndexer();
  await started.publish(holding('a', 3), holding('b', 1, 'CPU'));
  expect(await started.get('/blocks')).toMatchObject({
    status: 200,
    body: {
      ...{ blocks: 3, copies: 4, unswept: 0, evicted: 0, unplaced: {} },
      tiers: { gpu: 3, cpu: 1 },
      replication: { 1: 2, 2: 1 },
      pods: [
        { pod: 'a', dp_rank: 0, model: 'm', blocks: 3, only_here: 2, tiers: { gpu: 3 } },
        { pod: 'b', blocks: 1, only_here: 0, tiers: { cpu: 1 }, sequence: 0, lost_batches: 0 },
      ],
    },
  });
});

test('workers and sources say who is known and how well', async () => {
  await using started = await startTestIndexer();
  const gone = { ...makeGone('b'), receivedMs: systemClock.epochMs() + 60_000 };
  await started.publish(holding('a', 3), holding('a', 1, 'GPU', 1), holding('b', 1), gone);
  expect(await started.get('/workers')).toMatchObject({
    status: 200,
    body: [
      {
        ...{ instance_id: 'a', model: 'm' },
        dp_ranks: { 0: { sequence: 0, tree_size: 3 }, 1: { sequence: 0, tree_size: 1 } },
      },
    ],
  });
  expect(await started.get('/debug/sources')).toMatchObject({
    body: { freshness: { isCaughtUp: true, sources: 2 }, sources: [{ sequence: 0 }, {}] },
  });
  expect(await started.get('/debug/status')).toMatchObject({
    body: { position: 4, hasCaughtUp: true, isCaughtUp: true },
  });
});

test('metrics show index, bus and followers', async () => {
  await using started = await startTestIndexer();
  await started.publish(holding('a', 3));
  await started.post('/query', { model: 'm', token_ids: [1, 2] });
  const text = await (await fetch(`${started.url}/metrics`)).text();
  for (const line of [
    'llm_d_kv_indexer_blocks 3',
    'llm_d_kv_indexer_copies 3',
    'llm_d_kv_indexer_caught_up 1',
    'llm_d_kv_indexer_applied_position 1',
    'llm_d_kv_indexer_queries_total{kind="query",outcome="answered"} 1',
    'llm_d_kv_indexer_query_seconds_count 1',
    'llm_d_epp_kv_cache_index_admissions_total 3',
    'llm_d_kv_bus_connected 0',
  ]) {
    expect(text).toContain(line);
  }
});

test('a replica is ready once it has caught up, and answers nothing before', async () => {
  const bus = createLocalKvBus();
  let go = (): void => undefined;
  const held: typeof bus = {
    snapshots: bus.snapshots,
    publish: (message, signal) => bus.publish(message, signal),
    read: async (reader, options) => {
      await new Promise<void>((resolve) => (go = resolve));
      await bus.read(reader, options);
    },
    [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
  };
  const indexer = await startKvIndexer(testOptions, noopLogger, { bus: held });
  const url = `http://127.0.0.1:${indexer.httpPort}`;
  const ready = () => fetch(`${url}/readyz`);
  const ask = () =>
    fetch(`${url}/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', token_ids: [1] }),
    });
  expect(await (await ready()).json()).toMatchObject({
    reason: 'the index is not caught up with the bus yet',
  });
  expect([(await ready()).status, (await ask()).status]).toEqual([503, 503]);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  go();
  await until(async () => (await ready()).status === 200);
  expect((await ask()).status).toBe(200);
  await indexer.close();
});

test('a replica whose bus is gone for good is neither ready nor alive', async () => {
  await using started = await startTestIndexer();
  await started.bus[Symbol.asyncDispose]();
  await until(() => started.indexer.following.problem !== undefined);
  expect((await started.get('/readyz')).status).toBe(503);
  expect((await started.get('/healthz')).status).toBe(503);
});
