import { createRandom, VirtualClock } from '@llm-d/determinism';
import { instantiatePlugins, loadConfig } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createPickerRegistry } from '../../config/picker-registry.ts';
import { createFleet } from '../../fleet/fleet.ts';
import { createEndpointPicker } from '../../picker/endpoint-picker.ts';
import { JsonServiceError, type JsonService } from '../json-service.ts';
import { defaultLatencyPredictorSettings } from './latency-predictor-settings.ts';
import type { LatencyFeatures } from './predictor-wire.ts';

/** Milliseconds to the first token and for further ones, by the queue that tells endpoints apart. */
type Times = Readonly<Record<number, readonly [ttftMs: number, tpotMs: number]>>;

const prompt = (letter: string) => ({ kind: 'text', bytes: Buffer.alloc(4096, letter) }) as const;
const objectives = (ttftMs: number, tpotMs: number) =>
  new Map([
    ['x-llm-d-slo-ttft-ms', String(ttftMs)],
    ['x-llm-d-slo-tpot-ms', String(tpotMs)],
  ]);

/** Endpoints a, b and c with queues of 1, 2 and 3, half full, under a published configuration. */
function setUp(name: string, times: Times | 'down') {
  const text = readFileSync(
    new URL(`../../config/testdata/published/${name}.yaml`, import.meta.url),
    'utf8',
  );
  const connect = (url: string): JsonService => ({
    url,
    call: async ({ body }) => {
      await Promise.resolve();
      if (times === 'down') throw new JsonServiceError('unreachable', url);
      // The producer writes what the wire's own types say.
      const { requests } = JSON.parse(String(body)) as { requests: LatencyFeatures[] };
      return {
        predictions: requests.map(({ num_request_waiting: waiting }) => {
          const [ttftMs = 0, tpotMs = 0] = times[waiting] ?? [];
          return { ttft_ms: ttftMs, tpot_ms: tpotMs };
        }),
      };
    },
    close: () => Promise.resolve(),
  });
  const settings = { ...defaultLatencyPredictorSettings, coalesceWindowMs: 0 };
  const registry = createPickerRegistry([], { latencyPredictor: { settings, connect } });
  const config = loadConfig(text, { registry, source: name });
  const plugins = instantiatePlugins(config, registry, {
    random: createRandom(1),
    clock: new VirtualClock(),
  });
  const fleet = createFleet();
  const members = ['a', 'b', 'c'].map((id, i) =>
    makeEndpoint(id)
      .queue(i + 1)
      .running(4)
      .kvUsage(0.5),
  );
  fleet.reconcile(members);
  for (const { id, metrics } of members) fleet.measure(id)?.complete(metrics);
  const picker = createEndpointPicker({ fleet, plugins, clock: new VirtualClock() });
  let sent = 0;
  const place = async (request: Parameters<typeof makeRequest>[0]) =>
    picker.pick(makeRequest({ id: `r${sent++}`, ...request }), {
      arrivedMs: 0,
      signal: new AbortController().signal,
    });
  /** Where each of many requests went; they are over at once. */
  const shares = async (request: Parameters<typeof makeRequest>[0], count = 200) => {
    const went: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < count; i++) {
      const picked = await place(request);
      if (picked.kind === 'refused') throw new Error(picked.message);
      const [{ name: where }] = picked.endpoints;
      went[where] = (went[where] ?? 0) + 1;
      picked.exchange.end({ termination: 'client-disconnect' });
    }
    return went;
  };
  return { place, shares };
}

describe('predicted latency', () => {
  const onlyB: Times = { 1: [900, 10], 2: [150, 10], 3: [150, 90] };

  test('keeps requests with objectives on the endpoints that meet them, but for a rare look at others', async () => {
    const { shares } = setUp('predicted-latency', onlyB);
    const { b = 0 } = await shares({ headers: objectives(200, 50) });
    expect(b).toBeGreaterThanOrEqual(190);
  });

  test('fills the endpoint that meets them most narrowly first', async () => {
    const { shares } = setUp('predicted-latency', { 1: [50, 10], 2: [190, 10], 3: [120, 10] });
    const { a = 0, b = 0, c = 0 } = await shares({ headers: objectives(200, 50) });
    expect(b).toBeGreaterThan(c);
    expect(c).toBeGreaterThan(a);
  });

  test('refuses what may be shed and would be late everywhere, and nothing else', async () => {
    const late: Times = { 1: [900, 90], 2: [800, 90], 3: [700, 90] };
    const { place } = setUp('predicted-latency', late);
    expect(await place({ priority: -1, headers: objectives(200, 50) })).toMatchObject({
      kind: 'refused',
      status: 429,
    });
    expect((await place({ priority: 0, headers: objectives(200, 50) })).kind).toBe('picked');
    expect((await place({ priority: -1 })).kind).toBe('picked');
  });

  test('stays with the endpoint that holds the prompt', async () => {
    const { place, shares } = setUp('predicted-latency', { 1: [90, 9], 2: [90, 9], 3: [90, 9] });
    const first = await place({ prompt: prompt('x'), headers: objectives(200, 50) });
    if (first.kind === 'refused') throw new Error(first.message);
    const [{ name }] = first.endpoints;
    first.exchange.end({ termination: 'natural' });
    const went = await shares({ prompt: prompt('x'), headers: objectives(200, 50) });
    expect(went[name]).toBe(200);
  });

  test('falls back to free cache, queue and prefix while the predictor is down', async () => {
    const { shares, place } = setUp('predicted-latency', 'down');
    const { a = 0, b = 0, c = 0 } = await shares({ headers: objectives(200, 50) }, 600);
    expect(a).toBeGreaterThan(b);
    expect(b).toBeGreaterThan(c);
    expect((await place({ priority: -1, headers: objectives(1, 1) })).kind).toBe('picked');
  });
});

describe('affinity by predicted latency', () => {
  const holding = async (times: Times) => {
    const { place, shares } = setUp('predicted-latency-affinity', times);
    // The first request goes where its first token is expected soonest against a late objective: anywhere.
    const first = await place({ prompt: prompt('x') });
    if (first.kind === 'refused') throw new Error(first.message);
    const [{ name }] = first.endpoints;
    first.exchange.end({ termination: 'natural' });
    return { name, went: await shares({ prompt: prompt('x') }) };
  };

  test('lasts while the first token comes little later', async () => {
    const { name, went } = await holding({ 1: [4000, 0], 2: [4000, 0], 3: [4000, 0] });
    expect(went[name]).toBe(200);
  });

  test('ends where it comes much later', async () => {
    const times: Record<number, [number, number]> = { 1: [100, 0], 2: [100, 0], 3: [100, 0] };
    const { place, shares } = setUp('predicted-latency-affinity', times);
    const first = await place({ prompt: prompt('x') });
    if (first.kind === 'refused') throw new Error(first.message);
    const [{ name, metrics }] = first.endpoints;
    first.exchange.end({ termination: 'natural' });
    times[metrics.waitingRequests] = [5101, 0];
    const went = await shares({ prompt: prompt('x') });
    expect(went[name]).toBeLessThan(20);
  });
});
