import { describe, expect, test } from 'vitest';
import {
  startSim,
  tokens,
  complete,
  decoded,
  history,
  cacheReport,
  copiesAfter,
  copiesOf,
  OFFLOAD,
} from '../testdata/event-sim.ts';
import { startTestSim } from '../testdata/sim-server.ts';

describe('the truth', () => {
  test('is what the events say, also after evictions, copies and a reset, in every tier', async () => {
    await using server = await startSim(
      {},
      {
        engine: { numGpuBlocks: 12, maxModelLen: 190 },
        offload: { ...OFFLOAD, cpuBlocks: 15, sharedMedium: 'FS' },
      },
    );
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 4; i++) await complete(server, tokens(i, 3 + i), { max_tokens: 20 });
    }
    const report = await cacheReport(server);
    expect(report.tiers.map(({ medium }) => medium)).toEqual(['GPU', 'CPU', 'FS']);
    expect(copiesAfter(await history(server))).toEqual(copiesOf(report));
    const hosts = await server.metric(
      'vllm:prompt_tokens_cached_by_source_total{engine="0",model_name="tiny",source="host"',
    );
    expect(hosts).toBeGreaterThan(0);
    expect(await server.metric('vllm:external_prefix_cache_hits_total{')).toBeGreaterThanOrEqual(
      hosts,
    );
  });

  test('can be asked about a prompt', async () => {
    await using server = await startSim();
    const prompt = tokens(1, 4);
    await complete(server, prompt);
    const find = async (body: object) => (await server.post('/debug/kv-cache', body)).json();
    expect(await find({ prompt: [...prompt, 1, 2] })).toEqual({
      ...{ blocks: 4, cached_blocks: 4, by_medium: { GPU: 4 } },
    });
    expect(await find({ prompt, cache_salt: 's' })).toEqual({
      ...{ blocks: 4, cached_blocks: 0, by_medium: {} },
    });
  });

  test('a clear is heard with the next request, and spares host memory unless it is meant too', async () => {
    await using server = await startSim({}, { offload: { ...OFFLOAD, cpuBlocks: 50 } });
    await complete(server, tokens(1, 3));
    const before = (await history(server)).length;
    expect(await (await server.post('/reset_prefix_cache', {})).json()).toEqual({ success: true });
    expect(await history(server)).toHaveLength(before);
    expect((await cacheReport(server)).tiers.map(({ blocks }) => blocks)).toEqual([0, 3]);
    await server.post('/reset_prefix_cache?reset_external=true', {});
    expect((await cacheReport(server)).tiers.map(({ blocks }) => blocks)).toEqual([0, 0]);
    await complete(server, tokens(1, 3));
    const next = (await history(server))[before];
    const kinds = decoded(next?.payload ?? Buffer.of()).events.map(({ type }) => type);
    expect(kinds.slice(0, 3)).toEqual(['cleared', 'cleared', 'stored']);
    expect(copiesAfter(await history(server))).toEqual(copiesOf(await cacheReport(server)));
  });

  test('a prompt that comes back from host memory counts as cached', async () => {
    await using server = await startSim({}, { offload: { ...OFFLOAD, cpuBlocks: 50 } });
    const prompt = [...tokens(1, 4), 1];
    await complete(server, prompt);
    await server.post('/reset_prefix_cache', {});
    const body = { prompt, max_tokens: 1, ignore_eos: true };
    const answer = (await (await server.post('/v1/completions', body)).json()) as object;
    expect(answer).toMatchObject({ usage: { prompt_tokens_details: { cached_tokens: 64 } } });
    const values = {
      'prefix_cache_queries_total{': 130,
      'prefix_cache_hits_total{': 0,
      'external_prefix_cache_queries_total{': 130,
      'external_prefix_cache_hits_total{': 64,
      'prompt_tokens_cached_total{': 64,
      'prompt_tokens_by_source_total{engine="0",model_name="tiny",source="external_kv_transfer"': 64,
      'prompt_tokens_by_source_total{engine="0",model_name="tiny",source="local_cache_hit"': 0,
      'prompt_tokens_cached_by_source_total{engine="0",model_name="tiny",source="host"': 64,
    };
    for (const [name, value] of Object.entries(values)) {
      expect([name, await server.metric(`vllm:${name}`)]).toEqual([name, value]);
    }
  });

  test('replicas share storage', async () => {
    await using server = await startTestSim({
      replicas: 2,
      offload: { ...OFFLOAD, sharedMedium: 'SHARED_STORAGE' },
    });
    const prompt = [...tokens(1, 4), 1];
    await complete(server, prompt);
    const response = await fetch(`http://127.0.0.1:${server.ports[1] ?? 0}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt, max_tokens: 1, ignore_eos: true }),
    });
    expect(await response.json()).toMatchObject({
      usage: { prompt_tokens_details: { cached_tokens: 64 } },
    });
  });

  test('what development mode offers is not there otherwise', async () => {
    await using server = await startTestSim({ devMode: false });
    expect((await server.post('/reset_prefix_cache', {})).status).toBe(404);
  });
});
