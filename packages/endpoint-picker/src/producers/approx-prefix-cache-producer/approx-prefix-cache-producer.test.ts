import {
  prefixMatches,
  type Endpoint,
  type Plugin,
  type ProfileOutcome,
  type SchedulingCycle,
  type SchedulingResult,
} from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import {
  prefixIndexerHitBytes,
  prefixIndexerHitRatio,
  prefixIndexerSize,
} from '../../metric-definitions/data-series.ts';
import { instantiate, produce } from '../producing.testing.ts';
import { tokenProducer } from '../token-producer/token-producer.ts';
import { approxPrefixCacheProducer } from './approx-prefix-cache-producer.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
const tokens = (length: number, first = 1) => Uint32Array.from({ length }, (_, i) => first + i);
const scheduledOn = (endpoint: Endpoint, prefill?: Endpoint): SchedulingResult => {
  const outcome = {
    profile: 'prefill',
    candidates: [],
    filters: [],
    scored: [],
    scorers: [],
    totals: [],
    picked: prefill ? [prefill] : [],
  } satisfies ProfileOutcome;
  return {
    kind: 'scheduled',
    primary: 'default',
    endpoints: [endpoint],
    outcomes: new Map(prefill ? [['prefill', outcome]] : []),
  };
};

const setUp = (parameters: object = { autoTune: false, blockSizeTokens: 16 }) => {
  const metrics = recordingMetrics();
  const plugin = instantiate(approxPrefixCacheProducer, {
    parameters,
    telemetry: { ...noopTelemetry, metrics },
  });
  const ask = (ids: Uint32Array, candidates: readonly Endpoint[] = [a, b], request: object = {}) =>
    produce(plugin, {
      request: { prompt: { kind: 'tokens', ids }, ...request },
      candidates,
      after: [instantiate(tokenProducer)],
    });
  const send = async (ids: Uint32Array, endpoint: Endpoint, request: object = {}) => {
    place(plugin, await ask(ids, [a, b, endpoint], request), scheduledOn(endpoint));
  };
  return { plugin, ask, send, metrics };
};
const place = (plugin: Plugin, cycle: SchedulingCycle, result: SchedulingResult) => {
  plugin.preRequest?.preRequest(cycle, result, new Map());
};
const matched = (cycle: SchedulingCycle, ...endpoints: Endpoint[]) =>
  endpoints.map((endpoint) => cycle.attributes.get(prefixMatches())?.matchedBlocks(endpoint));

describe('approximate prefix matches', () => {
  test('a prompt is found where it was sent, as far as it is the same', async () => {
    const { ask, send } = setUp();
    await send(tokens(64), a);
    const longer = await ask(Uint32Array.from([...tokens(48), ...tokens(32, 900)]));
    expect(matched(longer, a, b)).toEqual([3, 0]);
    expect(longer.attributes.get(prefixMatches())).toMatchObject({
      totalBlocks: 5,
      blockSizeTokens: 16,
      promptTokens: 80,
    });
  });

  test('a last incomplete block counts as one', async () => {
    const { ask, send } = setUp();
    await send(tokens(20), a);
    expect(matched(await ask(tokens(20)), a)).toEqual([2]);
    expect(matched(await ask(tokens(32)), a)).toEqual([1]);
  });

  test.each([
    ['another model', { targetModel: 'other' }],
    ['another cache salt', { cacheSalt: 'tenant-2' }],
  ])('%s does not match', async (_, request) => {
    const { ask, send } = setUp();
    await send(tokens(64), a);
    expect(matched(await ask(tokens(64), [a], request), a)).toEqual([0]);
  });

  test('the prefill server learns as well', async () => {
    const { plugin, ask } = setUp();
    place(plugin, await ask(tokens(32)), scheduledOn(a, b));
    expect(matched(await ask(tokens(32)), a, b)).toEqual([2, 2]);
  });

  test('a server forgets what it used longest ago', async () => {
    const { ask, send } = setUp({ autoTune: false, blockSizeTokens: 16, lruCapacityPerServer: 4 });
    await send(tokens(64), a);
    await send(tokens(32, 500), a);
    expect(matched(await ask(tokens(64)), a)).toEqual([2]);
  });

  test('no more than the configured length is looked at', async () => {
    const { ask, send } = setUp({
      autoTune: false,
      blockSizeTokens: 16,
      maxPrefixTokensToMatch: 32,
    });
    await send(tokens(64), a);
    expect((await ask(tokens(64))).attributes.get(prefixMatches())?.totalBlocks).toBe(2);
  });

  test('tuning takes block size and capacity from the engines', async () => {
    const { ask, send } = setUp({});
    const engine = a.metric({ kvBlockSizeTokens: 128, kvBlocks: 3 });
    await send(tokens(1280), engine);
    const again = await ask(tokens(1280), [engine]);
    expect(again.attributes.get(prefixMatches())).toMatchObject({
      blockSizeTokens: 128,
      totalBlocks: 10,
    });
    expect(matched(again, engine)).toEqual([3]);
  });

  test('a removed server is forgotten, so that its slot starts empty, and the size returns to zero', async () => {
    const { plugin, ask, send, metrics } = setUp();
    const labels = {
      plugin_name: 'approx-prefix-cache-producer',
      plugin_type: 'approx-prefix-cache-producer',
    };
    await send(tokens(64), a);
    expect(metrics.value(prefixIndexerSize, labels)).toBe(4);
    plugin.endpoints?.endpointRemoved?.(a);
    expect(matched(await ask(tokens(64)), a)).toEqual([0]);
    expect(metrics.value(prefixIndexerSize, labels)).toBe(0);
    expect(metrics.observations(prefixIndexerHitRatio, labels)).toEqual([0]);
  });

  test('matches are shown as a share and in bytes', async () => {
    const { send, metrics } = setUp();
    const labels = {
      plugin_name: 'approx-prefix-cache-producer',
      plugin_type: 'approx-prefix-cache-producer',
    };
    await send(tokens(32), a);
    await send(tokens(64), a);
    expect(metrics.observations(prefixIndexerHitRatio, labels)).toEqual([0, 0.5]);
    expect(metrics.observations(prefixIndexerHitBytes, labels)).toEqual([0, 2 * 16 * 4]);
  });

  test('a request without a prompt has no matches', async () => {
    const { plugin } = setUp();
    const cycle = await produce(plugin, { candidates: [a] });
    expect(cycle.attributes.get(prefixMatches())).toBeUndefined();
    place(plugin, cycle, scheduledOn(a));
  });
});
