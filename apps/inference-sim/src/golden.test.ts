import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startTestSim } from './testdata/sim-server.ts';

interface Captured {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly requestHeaders: Record<string, string>;
  readonly requestContentType: string | null;
  readonly requestBody: string;
  readonly status: number;
  readonly contentType: string;
  readonly bodyFile: string;
}

const read = (file: string) =>
  readFileSync(new URL(`./testdata/vllm/${file}`, import.meta.url), 'utf8');
const captured = read('index.jsonl')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Captured);

/** Takes out what differs from run to run or with the tokenizer: ids, times, words and counts of tokens. */
function normalise(body: string): string {
  return body
    .replace(/"(id|system_fingerprint)":"([a-z]+-)[^"]*"/g, '"$1":"$2*"')
    .replace(/"created":\d+/g, '"created":0')
    .replace(/"text":"[^"]*"/g, '"text":"*"')
    .replace(/"content":"[^"]+"/g, '"content":"*"')
    .replace(
      /"(prompt_tokens|total_tokens|cached_tokens|created_cache_tokens|count)":\d+/g,
      '"$1":0',
    )
    .replace(/"(tokens|token_ids|prompt_token_ids)":\[[\d,]+\]/g, '"$1":[0]')
    .replace(/contains \d+ characters|value=\d{4}/g, '*');
}

// In the captured order, because adapters are loaded and unloaded on the way.
test('every captured request gets the captured answer', async () => {
  await using server = await startTestSim({ loraEnabled: true, engine: { maxLoras: 2 } });
  expect(captured.length).toBeGreaterThan(50);
  for (const { name, method, path, requestHeaders, requestContentType, ...rest } of captured) {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        ...requestHeaders,
        ...(requestContentType === null ? {} : { 'content-type': requestContentType }),
      },
      ...(method === 'POST' ? { body: rest.requestBody } : {}),
    });
    const body = await response.text();
    expect(
      {
        name,
        status: response.status,
        contentType: response.headers.get('content-type') ?? '',
        body: normalise(body),
      },
      name,
    ).toEqual({
      name,
      status: rest.status,
      contentType: rest.contentType,
      body: normalise(read(rest.bodyFile)),
    });
  }
});

test('the id of a request is the id of its answer', async () => {
  await using server = await startTestSim({ requestIdHeaders: true });
  const request = { prompt: 'Hello', max_tokens: 1, ignore_eos: true };
  const response = await server.post('/v1/completions', request, { 'X-Request-Id': 'req-abc-123' });
  expect(await response.json()).toMatchObject({ id: 'cmpl-req-abc-123' });
  expect(response.headers.get('x-request-id')).toBe('req-abc-123');
});

/** `name{label names}` of every series, buckets with their bound. */
function seriesOf(text: string): Set<string> {
  const names = text
    .split('\n')
    .filter((line) => line.startsWith('vllm:'))
    .map((line) => {
      const [, name = '', labels = ''] = /^([^{ ]+)(?:\{(.*)\})? /.exec(line) ?? [];
      const keys = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) =>
        ['le', 'reason', 'source', 'finished_reason', 'sleep_state'].includes(key)
          ? `${key}=${value}`
          : key,
      );
      return `${name}{${keys.join(',')}}`;
    });
  return new Set(names);
}

test('metrics have the names, labels, buckets and descriptions of a real vLLM', async () => {
  await using server = await startTestSim({ loraEnabled: true });
  await (await server.post('/v1/completions', { prompt: 'Hello', max_tokens: 2 })).text();
  const response = await server.get('/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=1.0.0; charset=utf-8');
  const ours = await response.text();
  const real = read('metrics_after_load.txt');
  const isConfig = (series: string) => series.startsWith('vllm:cache_config_info');
  const realSeries = seriesOf(real);
  expect(
    [...seriesOf(ours)].filter((series) => !realSeries.has(series) && !isConfig(series)),
  ).toEqual([]);
  const described = (text: string) => text.split('\n').filter((line) => line.startsWith('# '));
  const realDescriptions = new Set(described(real));
  expect(described(ours).filter((line) => !realDescriptions.has(line))).toEqual([]);
});

test('what a router reads is all there', async () => {
  await using server = await startTestSim({ loraEnabled: true });
  const ours = seriesOf(await (await server.get('/metrics')).text());
  const real = seriesOf(read('metrics_after_load.txt'));
  const absent = [...real].filter(
    (series) => !ours.has(series) && !series.startsWith('vllm:cache_config'),
  );
  // Work estimates and images have no counterpart in the simulation.
  const simulatedNowhere = /estimated_|mm_cache/;
  expect(absent.filter((series) => !simulatedNowhere.test(series))).toEqual([]);
});

test('the cache is described with the labels that vLLM has', async () => {
  await using server = await startTestSim();
  const line = (text: string) =>
    text.split('\n').find((l) => l.startsWith('vllm:cache_config_info{'));
  const ours = line(await (await server.get('/metrics')).text()) ?? '';
  expect(ours).toContain('block_size="16"');
  expect(ours).toContain('num_gpu_blocks="128"');
  const real = line(read('metrics_after_load.txt')) ?? '';
  for (const [, key = ''] of ours.matchAll(/(\w+)="/g)) expect(real).toContain(`${key}="`);
});
