import { createMemoryKvBlockIndex, createRequestKeyHasher } from '@llm-d/kv-index';
import { describe, expect, test, vi } from 'vitest';
import { Subscriber } from 'zeromq';
import { EventListener, freePortRange } from '../testdata/event-listener.ts';
import {
  BLOCK,
  startSim,
  tokens,
  complete,
  stir,
  decoded,
  addressOf,
  history,
  cacheReport,
  OFFLOAD,
} from '../testdata/event-sim.ts';
import { startTestSim } from '../testdata/sim-server.ts';

describe('what is published', () => {
  test.each([
    ['array', 'int'],
    ['array', 'bytes'],
    ['map', 'int'],
    ['map', 'bytes'],
  ] as const)('as %s with hashes as %s fills an index', async (form, hashes) => {
    const encoding = { form, hashes, dialect: 'vllm' } as const;
    await using server = await startSim({ encoding }, { podIp: '10.0.0.1' });
    const { endpoint } = addressOf(server);
    const topic = `kv@10.0.0.1:${server.ports[0] ?? 0}@tiny`;
    await using listener = new EventListener([endpoint], topic);
    await listener.warmUp(stir(server));
    const prompt = tokens(1, 5);
    await complete(server, prompt, { max_tokens: 2 * BLOCK });
    await complete(server, prompt);
    await vi.waitFor(() => {
      expect(listener.messages.length).toBeGreaterThanOrEqual(3);
    });
    const first = listener.messages[0]?.sequence ?? NaN;
    listener.messages.forEach((message, i) => {
      expect([message.topic, message.sequence]).toEqual([topic, first + i]);
    });
    const index = createMemoryKvBlockIndex({ blockSizeTokens: BLOCK });
    const source = { pod: 'p', dpRank: 0, model: 'tiny', epoch: '0' };
    for (const { payload } of listener.messages) {
      const batch = decoded(payload);
      expect(batch.dataParallelRank).toBe(0);
      expect(index.apply(batch, source).unplaced).toEqual([]);
    }
    const keys = createRequestKeyHasher().keys(Uint32Array.from(prompt), {
      ...{ model: 'tiny', blockSizeTokens: BLOCK },
    });
    expect(index.lookup(keys).holders).toMatchObject([{ blocks: 5 }]);
  });

  test('names adapters, salts and sessions', async () => {
    await using server = await startSim({}, { loraModules: [{ name: 'a', path: '/a' }] });
    await complete(server, tokens(1, 2), { model: 'a', cache_salt: 's', session_id: 'x' });
    const [message] = await history(server);
    expect(decoded(message?.payload ?? Buffer.of()).events).toMatchObject([
      { loraName: 'a', extraKeys: [['a', 's'], ['a']], groupIndex: 0, specKind: 'full_attention' },
    ]);
    expect(message?.payload.includes('session_id')).toBe(true);
  });

  test('has the configured topic to the letter', async () => {
    await using server = await startSim({ topic: 'kv@pod-1@m' }, { podIp: '10.0.0.1' });
    expect(addressOf(server).topic).toBe('kv@pod-1@m');
    await using plain = await startSim();
    expect(addressOf(plain).topic).toBe('');
  });

  test('comes in messages of at most so many events if that is asked for', async () => {
    await using server = await startSim(
      { maxEventsPerBatch: 2 },
      { offload: { ...OFFLOAD, cpuBlocks: 50 } },
    );
    await complete(server, tokens(1, 4));
    const sizes = (await history(server)).map(({ payload }) => decoded(payload).events.length);
    // One store, and one event for each copied block.
    expect(sizes).toEqual([2, 2, 1]);
  });

  test('goes to whoever has bound the endpoint if it has an address', async () => {
    const consumer = new Subscriber({ linger: 0, receiveTimeout: 10_000 });
    await consumer.bind('tcp://127.0.0.1:*');
    consumer.subscribe('');
    await using server = await startSim({ endpoint: consumer.lastEndpoint ?? '' }, { replicas: 2 });
    const receiving = consumer.receive();
    for (let heard = false; !heard;) {
      await stir(server)();
      heard = await Promise.race([
        receiving.then(() => true),
        server.get('/ping').then(() => false),
      ]);
    }
    const frames = await receiving;
    consumer.close();
    expect(frames).toHaveLength(3);
    expect(server.sim.kvEvents[1]?.endpoint).toBe(addressOf(server).endpoint);
  });

  test('of SGLang begins with a clear', async () => {
    const encoding = { form: 'map', hashes: 'int', dialect: 'sglang' } as const;
    await using server = await startSim({ encoding });
    await complete(server, tokens(1, 2));
    const messages = await history(server);
    expect(messages.map(({ payload }) => decoded(payload).events[0]?.type)).toEqual([
      'cleared',
      'stored',
    ]);
    expect(messages[0]?.sequence).toBe(0);
  });
});

describe('ranks', () => {
  test('have ports one after the other, numbers and caches of their own, and say which they are', async () => {
    const base = await freePortRange(6);
    await using server = await startSim(
      { endpoint: `tcp://*:${base}`, replayEndpoint: `tcp://*:${base + 3}` },
      { dataParallelSize: 3, podIp: '10.0.0.1', port: 0 },
    );
    const { kvEvents } = server.sim;
    expect(kvEvents).toEqual(
      server.ports.map((port, rank) => ({
        topic: `kv@10.0.0.1:${port}@tiny`,
        dataParallelRank: rank,
        endpoint: `tcp://*:${base + rank}`,
        replayEndpoint: `tcp://*:${base + 3 + rank}`,
      })),
    );
    const ask = (rank: number, start: number) =>
      fetch(`http://127.0.0.1:${server.ports[rank] ?? 0}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: tokens(start, 2), max_tokens: 1, ignore_eos: true }),
      });
    await Promise.all([ask(1, 1), ask(2, 2)]);
    await ask(2, 3);
    const counts = await Promise.all([0, 1, 2].map((rank) => history(server, rank)));
    expect(counts.map((messages) => messages.map(({ sequence }) => sequence))).toEqual([
      [],
      [0],
      [0, 1],
    ]);
    expect(decoded(counts[2]?.[0]?.payload ?? Buffer.of()).dataParallelRank).toBe(2);
    const reports = await Promise.all([0, 1, 2].map((rank) => cacheReport(server, rank)));
    expect(reports.map(({ tiers }) => tiers[0]?.blocks)).toEqual([0, 2, 4]);
    expect(reports.map((report) => report.data_parallel_rank)).toEqual([0, 1, 2]);
    const metrics = await (await fetch(`http://127.0.0.1:${server.ports[2] ?? 0}/metrics`)).text();
    expect(metrics).toContain('vllm:prefix_cache_queries_total{engine="2"');
  });

  test('of several replicas begin with 0 in each', async () => {
    await using server = await startSim({}, { dataParallelSize: 2, replicas: 2, podName: 'p' });
    expect(server.sim.kvEvents.map(({ dataParallelRank }) => dataParallelRank)).toEqual([
      0, 1, 0, 1,
    ]);
    const pods = await Promise.all(
      server.ports.map(async (port) => {
        const { headers } = await fetch(`http://127.0.0.1:${port}/health`);
        return headers.get('x-inference-pod');
      }),
    );
    expect(pods).toEqual(['p-0', 'p-0', 'p-1', 'p-1']);
  });

  test("are described as vLLM's endpoint does", async () => {
    await using server = await startSim({ topic: 't' });
    const { endpoint, replayEndpoint } = addressOf(server);
    expect(await (await server.get('/kv_event_sources')).json()).toEqual({
      '0': {
        ...{ enable_kv_cache_events: true, publisher: 'zmq', endpoint },
        ...{ replay_endpoint: replayEndpoint, buffer_steps: 10_000, hwm: 100_000 },
        ...{ max_queue_size: 100_000, topic: 't' },
      },
    });
    await using silent = await startTestSim();
    expect((await silent.get('/kv_event_sources')).status).toBe(404);
  });
});
