import { systemClock } from '@llm-d/determinism';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parseMetricsPage } from '../probes/metrics-page.ts';
import { fileEndpointSource, type FleetEndpoint } from './endpoint-source.ts';
import { settle, startEngineFleet, type EngineFleet } from './fleet.ts';

// The machine may be busy with something else.
vi.setConfig({ testTimeout: 60_000 });

async function fleetOf(...layout: readonly number[]): Promise<EngineFleet> {
  const fleet = await startEngineFleet(layout, { clock: systemClock, source: undefined });
  onTestFinished(() => fleet[Symbol.asyncDispose]());
  return fleet;
}

const scrape = async (hostPort: string | undefined) =>
  parseMetricsPage(await (await fetch(`http://${hostPort ?? ''}/metrics`)).text());

test('engines have addresses of their own and one port, or one address and ports of their own', async () => {
  const { endpoints } = await fleetOf(1, 2, 2);
  const [first, second, third] = endpoints;
  expect(endpoints.map(({ address }) => address)).toEqual(['127.0.1.1', '127.0.1.2', '127.0.1.2']);
  expect(second?.port).toBe(first?.port);
  expect(third?.port).not.toBe(first?.port);
});

test('an engine says in vLLM’s words what it was told to say', async () => {
  const { engines, hostPorts } = await fleetOf(1);
  const lora = { running: ['a', 'b'], waiting: ['c'], max: 2 };
  engines[0]?.setLoad({ waiting: 3, running: 4, kvUsage: 0.25, lora });
  const page = await scrape(hostPorts[0]);
  expect(page.sum('vllm:num_requests_waiting')).toBe(3);
  expect(page.sum('vllm:num_requests_running')).toBe(4);
  expect(page.sum('vllm:kv_cache_usage_perc')).toBe(0.25);
  const labels = { running_lora_adapters: 'a,b', waiting_lora_adapters: 'c', max_lora: '2' };
  expect(page.sum('vllm:lora_requests_info', labels)).toBeGreaterThan(1e9);
  engines[0]?.setLoad({ waiting: 1 });
  expect((await scrape(hostPorts[0])).sum('vllm:num_requests_running')).toBe(0);
  expect(engines[0]?.scrapes).toBe(2);
});

test('an engine lists its models and answers nothing else', async () => {
  const { hostPorts } = await fleetOf(1);
  const get = (path: string) => fetch(`http://${hostPorts[0] ?? ''}${path}`);
  expect(await (await get('/v1/models')).json()).toMatchObject({ data: [{ id: 'test-model' }] });
  expect((await get('/v1/completions')).status).toBe(404);
});

test('load has settled when each engine was asked twice', async () => {
  const { engines, hostPorts } = await fleetOf(1, 2);
  let isSettled = false;
  const settling = settle(engines, [{ waiting: 1 }], { clock: systemClock, waitMs: 60_000 }).then(
    () => {
      isSettled = true;
    },
  );
  for (const hostPort of [...hostPorts, hostPorts[0]]) await scrape(hostPort);
  expect(isSettled).toBe(false);
  await scrape(hostPorts[1]);
  await settling;
});

test('endpoints are told in a file of llm-d’s file discovery, which is replaced as a whole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'endpoints-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'endpoints.json');
  const source = fileEndpointSource(path);
  const endpoints: FleetEndpoint[] = [{ name: 'pod-0', address: '10.0.0.1', port: 8000 }];
  await source.publish(endpoints);
  await source.publish([]);
  expect(await readFile(path, 'utf8')).toBe('{"endpoints":[]}');
  await source.publish(endpoints);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
    endpoints: [{ name: 'pod-0', address: '10.0.0.1', port: '8000', labels: {} }],
  });
});
