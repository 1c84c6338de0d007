import { describe, expect, test } from 'vitest';
import { readGateway, readServer, type ServerReading } from './stack-metrics.ts';
import { viewOf, type StackReading } from './stack-view.ts';

const exposition = (...lines: string[]) => Buffer.from(`${lines.join('\n')}\n`);
const server = (overrides: Partial<ServerReading> = {}): ServerReading => ({
  waiting: 0,
  running: 0,
  kvUsage: 0,
  prefixQueries: 0,
  prefixHits: 0,
  interTokenSeconds: new Map(),
  ...overrides,
});
const gateway = (requests: number, picks: [string, number][] = []) => ({
  picks: new Map(picks),
  requests,
  errors: 0,
  ttftSeconds: new Map([
    [1, requests],
    [Infinity, requests],
  ]),
  withoutIndex: 0,
});
const reading = (atMs: number, parts: Partial<StackReading> = {}): StackReading => ({
  atMs,
  gateway: gateway(0),
  index: undefined,
  servers: new Map(),
  programs: [],
  ...parts,
});

describe('reading expositions', () => {
  test('a vLLM, in its own words', () => {
    const text = exposition(
      'vllm:num_requests_running{engine="0",model_name="tiny"} 7.0',
      'vllm:num_requests_waiting{engine="0",model_name="tiny"} 60.0',
      'vllm:kv_cache_usage_perc{engine="0",model_name="tiny"} 0.5',
      'vllm:prefix_cache_queries_total{engine="0",model_name="tiny"} 200.0',
      'vllm:prefix_cache_hits_total{engine="0",model_name="tiny"} 50.0',
      'vllm:inter_token_latency_seconds_bucket{engine="0",le="0.01",model_name="tiny"} 3.0',
      'vllm:inter_token_latency_seconds_bucket{engine="0",le="+Inf",model_name="tiny"} 4.0',
    );
    expect(readServer(text)).toEqual({
      waiting: 60,
      running: 7,
      kvUsage: 0.5,
      prefixQueries: 200,
      prefixHits: 50,
      interTokenSeconds: new Map([
        [0.01, 3],
        [Infinity, 4],
      ]),
    });
  });

  test('our gateway: only placed requests are picks, endpoints and models add up', () => {
    const attempts = (status: string, model: string, endpoint: string, value: number) =>
      `llm_d_epp_scheduler_attempts_total{status="${status}",target_model_name="${model}",endpoint_name="${endpoint}",namespace="default",port="1"} ${value}`;
    const text = exposition(
      attempts('success', 'm', 'a', 3),
      attempts('success', 'n', 'a', 4),
      attempts('failure', 'm', '', 9),
      'llm_d_epp_request_total{model_name="m"} 16',
      'llm_d_epp_request_ttft_seconds_bucket{le="0.1",streaming="true"} 5',
      'llm_d_epp_request_ttft_seconds_bucket{le="+Inf",streaming="true"} 6',
      'llm_d_epp_request_ttft_seconds_bucket{le="0.1",streaming="false"} 1',
      'llm_d_epp_kv_index_unused_total{plugin_name="p",plugin_type="p",reason="no_tokens"} 2',
      'llm_d_epp_kv_index_unused_total{plugin_name="p",plugin_type="p",reason="nothing_known"} 3',
    );
    expect(readGateway(text)).toEqual({
      picks: new Map([['a', 7]]),
      requests: 16,
      errors: 0,
      ttftSeconds: new Map([
        [0.1, 6],
        [Infinity, 6],
      ]),
      withoutIndex: 5,
    });
  });
});

describe('the view', () => {
  test('rates come from what happened between two readings', () => {
    const view = viewOf(
      reading(0, { gateway: gateway(10) }),
      reading(5000, { gateway: gateway(60) }),
    );
    expect(view).toMatchObject({ requests: 60, requestsPerSecond: 10, ttft: { p50: 0.5 } });
  });

  test('a first reading has no rates', () => {
    expect(viewOf(undefined, reading(0, { gateway: gateway(3) })).requestsPerSecond).toBe(0);
  });

  test('servers that do not answer are down and keep their picks', () => {
    const servers = new Map([
      ['a', server({ running: 2, prefixQueries: 100, prefixHits: 25 })],
      ['b', undefined],
      ['c', server()],
    ]);
    const view = viewOf(undefined, reading(0, { servers, gateway: gateway(3, [['b', 2]]) }));
    expect(view.servers).toMatchObject([
      { name: 'a', up: true, running: 2, prefixHitRate: 0.25, picks: 0 },
      { name: 'b', up: false, picks: 2 },
      { name: 'c', up: true, prefixHitRate: undefined },
    ]);
  });

  test('a gateway that is down shows zeros', () => {
    expect(viewOf(reading(0), reading(1000, { gateway: undefined }))).toMatchObject({
      requests: 0,
      requestsPerSecond: 0,
    });
  });

  test('the index says how much is known, and what servers found between two readings', () => {
    const index = {
      blocks: 9,
      isCaughtUp: true,
      isTrusted: true,
      engines: new Map([
        ['a', { state: 'whole', lagMs: 2 } as const],
        ['b', { state: 'silent', lagMs: 7 } as const],
      ]),
    };
    const servers = (aQueries: number, aHits: number) =>
      new Map([
        ['a', server({ prefixQueries: aQueries, prefixHits: aHits })],
        ['b', server()],
        ['c', undefined],
      ]);
    const earlier = reading(0, { index, servers: servers(1000, 0) });
    const view = viewOf(earlier, reading(5000, { index, servers: servers(3000, 1500) }));
    expect(view.index).toEqual({
      ...{ blocks: 9, isCaughtUp: true, isTrusted: true },
      ...{ whole: 1, heard: 2, servers: 3, lagMs: 7, hitShare: 0.75, unused: 0 },
    });
    expect(view.servers.map(({ known }) => known?.state)).toEqual(['whole', 'silent', undefined]);
  });
});
