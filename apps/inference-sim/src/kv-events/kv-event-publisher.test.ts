import { createRandom, systemClock } from '@llm-d/determinism';
import { createKvEventDecoder } from '@llm-d/kv-index';
import { noopTelemetry } from '@llm-d/telemetry';
import { describe, expect, test, vi } from 'vitest';
import {
  EventListener,
  askReplay,
  freePortRange,
  replayRequest,
} from '../testdata/event-listener.ts';
import {
  startSim,
  tokens,
  complete,
  stir,
  decoded,
  addressOf,
  history,
  cacheReport,
} from '../testdata/event-sim.ts';
import { startTestSim } from '../testdata/sim-server.ts';
import { KvEventEndpointError } from './event-sockets.ts';
import { KvEventPublisher } from './kv-event-publisher.ts';
import { defaultKvEvents } from './kv-events-options.ts';

describe('lives', () => {
  test('of a process begin with number 0 on the same endpoints', async () => {
    const base = await freePortRange(2);
    const events = { endpoint: `tcp://*:${base}`, replayEndpoint: `tcp://*:${base + 1}` };
    await using listener = new EventListener([events.endpoint]);
    for (const life of [1, 2]) {
      await using server = await startSim(events, { port: 0 });
      await complete(server, tokens(1, 2));
      const messages = await history(server);
      expect([life, messages.map(({ sequence }) => sequence)]).toEqual([life, [0]]);
      await listener.warmUp(stir(server));
    }
  });

  test('end with a restart: numbers, caches and what can be replayed begin anew', async () => {
    await using server = await startSim();
    await using listener = new EventListener([addressOf(server).endpoint]);
    await listener.warmUp(stir(server));
    const response = await server.post('/debug/kv-events/restart', {});
    expect(await response.json()).toEqual({ lives: 2 });
    expect((await cacheReport(server)).tiers).toMatchObject([{ medium: 'GPU', blocks: 0 }]);
    expect(await history(server)).toEqual([]);
    await complete(server, tokens(1, 2));
    const messages = await history(server);
    expect(messages.map(({ sequence }) => sequence)).toEqual([0]);
    // No word of what was forgotten, as when a process dies.
    expect(decoded(messages[0]?.payload ?? Buffer.of()).events).toMatchObject([{ type: 'stored' }]);
    await listener.warmUp(stir(server));
    await complete(server, tokens(2, 2));
    await vi.waitFor(() => {
      expect(listener.messages.length).toBeGreaterThan(0);
    });
    expect((await history(server)).at(-1)).toEqual(listener.messages.at(-1));
  });

  test('may keep the cache, so that nobody hears of what is in it', async () => {
    await using server = await startSim();
    await complete(server, tokens(1, 2));
    await server.post('/debug/kv-events/restart', { keep_cache: true });
    expect((await cacheReport(server)).tiers).toMatchObject([{ blocks: 2 }]);
    expect(await history(server)).toEqual([]);
  });

  test('do not end while requests run, or where there are none', async () => {
    await using server = await startSim({}, { engine: { maxNumSeqs: 1 } });
    const controller = new AbortController();
    const running = fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'x', max_tokens: 400, ignore_eos: true, stream: true }),
      signal: controller.signal,
    });
    await running;
    expect((await server.post('/debug/kv-events/restart', {})).status).toBe(409);
    controller.abort();
    await using silent = await startTestSim();
    expect((await silent.post('/debug/kv-events/restart', {})).status).toBe(404);
  });

  test('cannot begin on an endpoint in use, and nothing stays open', async () => {
    const base = await freePortRange(1);
    await using first = await startSim({ endpoint: `tcp://*:${base}` });
    expect(addressOf(first).endpoint).toBe(`tcp://*:${base}`);
    const clash = startSim({ endpoint: `tcp://*:${base}` });
    await expect(clash).rejects.toThrow(KvEventEndpointError);
    await expect(clash).rejects.toThrow(`KV events cannot use tcp://*:${base}: `);
  });
});

describe('what waits for the socket', () => {
  const cleared = [{ kind: 'cleared' }] as const;
  const build = (maxQueueSize: number) =>
    new KvEventPublisher({
      ...{ engine: 0, rank: 0, clock: systemClock, random: createRandom(1) },
      logger: noopTelemetry.logger,
      events: {
        ...{ ...defaultKvEvents, maxQueueSize },
        ...{ endpoint: 'tcp://*:0', replayEndpoint: 'tcp://*:0' },
      },
    });

  test('is sent when it opens', async () => {
    const publisher = build(10);
    publisher.publish(cleared);
    publisher.publish(cleared);
    expect(publisher.address).toBeUndefined();
    await publisher.open('t');
    const { replayEndpoint = '' } = publisher.address ?? {};
    expect(await askReplay(replayEndpoint, replayRequest(0))).toHaveLength(3);
    await publisher.close();
    expect(publisher.address).toBeUndefined();
  });

  test('is bounded, and what is beyond the bound can only be replayed', async () => {
    const publisher = build(2);
    for (let i = 0; i < 5; i++) publisher.publish(cleared);
    expect(publisher.counts()).toEqual({ lives: 1, batches: 5, dropped: 3, truncated: 0 });
    await publisher.open('t');
    const { replayEndpoint = '' } = publisher.address ?? {};
    expect(await askReplay(replayEndpoint, replayRequest(0))).toHaveLength(6);
    await publisher.close();
  });
});

describe('faults', () => {
  test('batches are dropped on the way, and a replay has them', async () => {
    await using server = await startSim({
      faults: { dropPercent: 100, truncatePercent: 0, replayLimit: Infinity },
    });
    await using listener = new EventListener([addressOf(server).endpoint]);
    for (let i = 0; i < 5; i++) await complete(server, tokens(i, 2));
    expect(await history(server)).toHaveLength(5);
    await listener.settled();
    expect(listener.messages).toEqual([]);
    expect((await cacheReport(server)).events).toMatchObject({ next_sequence: 5, dropped: 5 });
  });

  test('a share of them', async () => {
    await using server = await startSim({
      faults: { dropPercent: 50, truncatePercent: 0, replayLimit: Infinity },
    });
    for (let i = 0; i < 60; i++) await complete(server, tokens(i, 1));
    const { dropped } = (await cacheReport(server)).events as { dropped: number };
    expect(dropped).toBeGreaterThan(15);
    expect(dropped).toBeLessThan(45);
  });

  test('batches are cut, which a decoder notices; a replay has them whole', async () => {
    await using server = await startSim({
      faults: { dropPercent: 0, truncatePercent: 100, replayLimit: Infinity },
    });
    await using listener = new EventListener([addressOf(server).endpoint]);
    await listener.warmUp(stir(server));
    await complete(server, tokens(1, 2));
    await vi.waitFor(() => {
      expect(listener.messages).toHaveLength(1);
    });
    expect(createKvEventDecoder().decode(listener.messages[0]?.payload ?? Buffer.of()).ok).toBe(
      false,
    );
    for (const { payload } of await history(server)) decoded(payload);
  });

  test('a replay ends without a word', async () => {
    await using server = await startSim({
      faults: { dropPercent: 0, truncatePercent: 0, replayLimit: 2 },
    });
    for (let i = 0; i < 3; i++) await complete(server, tokens(i, 2));
    const { replayEndpoint } = addressOf(server);
    const replies = await askReplay(replayEndpoint, replayRequest(0), 300);
    expect(replies.map(([, , sequence]) => sequence?.readBigUInt64BE())).toEqual([0n, 1n]);
    expect(await askReplay(replayEndpoint, replayRequest(1), 300)).toHaveLength(3);
  });
});
