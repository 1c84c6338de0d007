import { createRandom, VirtualClock } from '@llm-d/determinism';
import {
  definePlugin,
  instantiatePlugins,
  loadConfig,
  unknownMetrics,
  type AnyPluginDefinition,
} from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { createPickerRegistry } from '../config/picker-registry.ts';
import { createFleet } from '../fleet/fleet.ts';
import {
  flowRequestsTotal,
  pendingReclaim,
  queueSize,
  reclaimTarget,
  revocationsIssuedTotal,
  revocationsTotal,
} from '../flow-control/metric-definitions.ts';
import { requestErrorTotal } from '../metric-definitions/request-series.ts';
import {
  createEndpointPicker,
  type EndpointPickerOptions,
  type Picked,
} from './endpoint-picker.ts';
import { explainRecord } from './record-explanation.ts';
import type { Refusal } from './refusal.ts';

const HEAD = 'apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n';
/** Two requests fill a server, and their end is seen at once. */
const concurrency = `${HEAD}
featureGates: [flowControl]
plugins:
  - type: concurrency-detector
    parameters: { maxConcurrency: 2 }
  - type: queue-scorer
schedulingProfiles: [{ name: default, plugins: [{ pluginRef: queue-scorer }] }]
flowControl:
  saturationDetector: { pluginRef: concurrency-detector }
  defaultRequestTTL: 2s
  noEndpointRequestTTL: 60s
`;
const utilization = `${HEAD}
featureGates: [flowControl]
plugins: [{ type: queue-scorer }]
`;

type Answer = Picked | Refusal;

const setUp = (
  config: string,
  {
    endpoints = ['a'],
    own = [],
    ...options
  }: Partial<EndpointPickerOptions> & {
    endpoints?: readonly string[];
    own?: readonly AnyPluginDefinition[];
  } = {},
) => {
  const clock = new VirtualClock();
  const fleet = createFleet();
  const join = (...names: readonly string[]) => {
    fleet.reconcile(names.map((name) => ({ ...makeEndpoint(name) })));
  };
  join(...endpoints);
  const metrics = recordingMetrics();
  const telemetry = { ...noopTelemetry, metrics };
  const registry = createPickerRegistry(own);
  const resolved = loadConfig(config, { registry, allowExperimental: true });
  const plugins = instantiatePlugins(resolved, registry, { random: createRandom(1), telemetry });
  const picker = createEndpointPicker({ fleet, plugins, clock, telemetry, ...options });
  const order: string[] = [];
  const pick = async (
    id: string,
    request: Parameters<typeof makeRequest>[0] = {},
    more: { signal?: AbortSignal; attempt?: number } = {},
  ): Promise<Answer> => {
    const answer = await picker.pick(makeRequest({ id, ...request }), {
      arrivedMs: clock.nowMs(),
      signal: new AbortController().signal,
      ...more,
    });
    if (answer.kind === 'picked') order.push(id);
    return answer;
  };
  const counted = (outcome: string, priority = '0') =>
    metrics.value(flowRequestsTotal, { outcome, priority, inference_pool: 'epp' });
  const scrape = (name: string, waitingRequests: number) => {
    fleet
      .measure(`default/${name}-rank-0`)
      ?.complete({ ...unknownMetrics, waitingRequests, updatedAtMs: clock.nowMs() });
  };
  return {
    clock,
    fleet,
    join,
    metrics,
    picker,
    pick,
    order,
    counted,
    scrape,
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    waiting: () => picker.flowControl?.snapshot().requests,
    unplaced: () => picker.flowControl?.snapshot().unplaced,
  };
};
const placed = async (answer: Promise<Answer>): Promise<Picked> => {
  const settled = await answer;
  if (settled.kind === 'refused') throw new Error(settled.message);
  return settled;
};

describe('a full pool', () => {
  test('keeps requests until an answer ends, and serves them in their order', async () => {
    const { pick, order, waiting, settle, clock, picker, metrics } = setUp(concurrency);
    const first = await placed(pick('1'));
    void pick('2');
    void pick('3');
    void pick('4');
    await settle();
    expect([order, waiting()]).toEqual([['1', '2'], 2]);
    const labels = {
      fairness_id: 'default-flow',
      priority: '0',
      inference_pool: 'epp',
      model_name: 'm',
      target_model_name: 'm',
    };
    expect(metrics.value(queueSize, labels)).toBe(2);
    clock.advance(700);
    first.exchange.end({ termination: 'natural' });
    await settle();
    expect([order, waiting()]).toEqual([['1', '2', '3'], 1]);
    const [record] = picker.decisions.find('3');
    expect(record && explainRecord(record)).toMatchObject({
      flow: { outcome: 'Dispatched', priority: 0, waitedMs: 700 },
      waitedMs: 700,
    });
  });

  test('opens with metrics that say so', async () => {
    const { pick, order, scrape, settle } = setUp(utilization);
    scrape('a', 5);
    void pick('1');
    await settle();
    expect(order).toEqual([]);
    scrape('a', 4);
    await settle();
    expect(order).toEqual(['1']);
  });

  test('lets no more through between two scrapes than would fill it', async () => {
    const { pick, order, scrape, settle, waiting } = setUp(utilization, { endpoints: ['a', 'b'] });
    scrape('a', 0);
    scrape('b', 0);
    for (let i = 0; i < 30; i++) void pick(`${i}`);
    await settle();
    expect([order.length, waiting()]).toEqual([10, 20]);
    scrape('a', 0);
    await settle();
    expect(order).toHaveLength(15);
  });

  test('serves higher priorities first', async () => {
    const { pick, order, settle } = setUp(concurrency);
    const first = await placed(pick('1'));
    void pick('2');
    void pick('low', { priority: -1 });
    void pick('normal');
    void pick('high', { priority: 4 });
    first.exchange.end({ termination: 'natural' });
    await settle();
    expect(order.at(-1)).toBe('high');
  });

  test('makes a request wait no longer than it may', async () => {
    const { pick, clock, counted, picker, metrics } = setUp(concurrency);
    void pick('1');
    void pick('2');
    const late = pick('3');
    clock.advance(2000);
    expect(await late).toMatchObject({ status: 429, reason: 'rejected-ttl-expired' });
    expect(counted('EvictedTTL')).toBe(1);
    expect(picker.decisions.find('3')).toMatchObject([
      {
        outcome: undefined,
        refusal: { reason: 'rejected-ttl-expired' },
        flow: { outcome: 'EvictedTTL', waitedMs: 2000 },
      },
    ]);
    const request = { model_name: 'm', target_model_name: 'm', priority: '0' };
    const error = { ...request, fairness_id: 'default-flow', error_code: 'ResourceExhausted' };
    expect(metrics.value(requestErrorTotal, error)).toBe(1);
  });

  test('lets a client say how long it wants to wait', async () => {
    const { pick, clock } = setUp(concurrency);
    void pick('1');
    void pick('2');
    const late = pick('3', { headers: new Map([['x-llm-d-inference-ttl', '500ms']]) });
    clock.advance(500);
    expect(await late).toMatchObject({ reason: 'rejected-ttl-expired' });
  });

  test('forgets a client that leaves', async () => {
    const { pick, counted, waiting } = setUp(concurrency);
    void pick('1');
    void pick('2');
    const client = new AbortController();
    const left = pick('3', {}, { signal: client.signal });
    client.abort();
    expect(await left).toMatchObject({ reason: 'rejected-context-cancelled' });
    expect([counted('EvictedContextCancelled'), waiting()]).toEqual([1, 0]);
  });

  test('does not keep a request waiting that is tried again', async () => {
    const { pick, waiting, unplaced } = setUp(concurrency, { endpoints: ['a', 'b'] });
    for (const id of ['1', '2', '3', '4']) await placed(pick(id));
    void pick('5');
    const again = await placed(pick('1', {}, { attempt: 2 }));
    expect([waiting(), unplaced()]).toEqual([1, 0]);
    again.exchange.end({ termination: 'natural' });
  });

  test('refuses what waits when the picker closes', async () => {
    const { pick, picker, clock } = setUp(concurrency);
    void pick('1');
    void pick('2');
    const waiting = pick('3');
    picker.close();
    expect(await waiting).toMatchObject({ status: 503, reason: 'rejected-shutting-down' });
    expect(await pick('4')).toMatchObject({ status: 503, reason: 'rejected-shutting-down' });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('an empty pool', () => {
  test('keeps requests for its first server', async () => {
    const { pick, join, order, settle, clock } = setUp(concurrency, { endpoints: [] });
    void pick('1');
    clock.advance(59_000);
    join('a');
    await settle();
    expect(order).toEqual(['1']);
  });

  test('and for its first metrics, where those count', async () => {
    const { pick, join, scrape, order, settle } = setUp(utilization, { endpoints: [] });
    void pick('1');
    join('a');
    await settle();
    expect(order).toEqual([]);
    scrape('a', 0);
    await settle();
    expect(order).toEqual(['1']);
  });

  test('gives up when none comes', async () => {
    const { pick, clock, counted } = setUp(concurrency, { endpoints: [] });
    const lost = pick('1');
    clock.advance(60_000);
    expect(await lost).toMatchObject({ status: 503, reason: 'rejected-no-endpoints' });
    expect(counted('EvictedNoEndpoints')).toBe(1);
  });
});

describe('priorities', () => {
  test.each([
    ['has a band of its own', 8, '8'],
    ['counts as 0 where nobody knows it', 9, '0'],
    ['counts as 0 also below it', -9, '0'],
  ])('one that %s', async (_, priority, band) => {
    const { pick, counted } = setUp(concurrency, { isKnownPriority: (known) => known === 8 });
    await placed(pick('1', { priority }));
    expect(counted('Dispatched', band)).toBe(1);
  });

  test('bands that nobody uses are gone after ten minutes', async () => {
    const { pick, picker, clock } = setUp(concurrency);
    (await placed(pick('1', { priority: 5 }))).exchange.end({ termination: 'natural' });
    const bands = () => picker.flowControl?.snapshot().bands.map(({ priority }) => priority);
    expect(bands()).toEqual([5, 0]);
    clock.advance(600_000);
    picker.flowControl?.refresh();
    expect(bands()).toEqual([0]);
  });
});

describe('whatever becomes of a request that was let in', () => {
  const broken = (what: 'screen' | 'schedule') =>
    definePlugin({
      type: 'broken',
      summary: 'Breaks.',
      stability: 'beta',
      points: ['filter', 'screener'],
      parameters: z.strictObject({}),
      create: () => ({
        filter: {
          filter: (_cycle, candidates) => {
            if (what === 'schedule') throw new Error('broken');
            return candidates;
          },
        },
        screener: {
          screen: (_cycle, candidates) => (what === 'screen' ? [] : candidates),
        },
      }),
    });
  const withBroken = concurrency
    .replace('- type: queue-scorer', '- type: queue-scorer\n  - type: broken')
    .replace('pluginRef: queue-scorer }]', 'pluginRef: queue-scorer }, { pluginRef: broken }]');

  test.each(['screen', 'schedule'] as const)(
    'a plugin that fails to %s keeps no room',
    async (what) => {
      const { pick, unplaced } = setUp(withBroken, { own: [broken(what)] });
      for (let i = 0; i < 5; i++) {
        const answer = await pick(`${i}`).catch(() => undefined);
        expect(answer?.kind).not.toBe('picked');
      }
      expect(unplaced()).toBe(0);
    },
  );

  test('10,000 requests in and out leave nothing behind', async () => {
    const unbounded = `${concurrency}  defaultPriorityBand: { maxRequests: 0 }\n`;
    const { pick, picker, waiting, unplaced, clock } = setUp(unbounded);
    const answers = Array.from({ length: 10_000 }, (_, i) =>
      pick(`${i}`, { fairnessId: `f${i % 7}` }).then((answer) => {
        if (answer.kind === 'picked') answer.exchange.end({ termination: 'natural' });
        return answer.kind;
      }),
    );
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['picked']));
    const flows = picker.flowControl?.snapshot().bands.flatMap((band) => [...band.flows()]);
    expect([waiting(), unplaced(), flows, clock.pendingTimers]).toEqual([0, 0, [], 0]);
  });
});

describe('eviction', () => {
  const evicting = concurrency.replace('flowControl:\n', 'flowControl:\n  enableEviction: true\n');
  const pool = { inference_pool: 'epp' };

  test('ends a request that may be shed when a higher priority waits', async () => {
    const { pick, order, settle, metrics, clock } = setUp(evicting);
    const normal = await placed(pick('normal'));
    const sheddable = await placed(pick('sheddable', { priority: -1 }));
    normal.exchange.onEvicted(() => {
      throw new Error('it must not be ended');
    });
    sheddable.exchange.onEvicted(() => {
      sheddable.exchange.end({ termination: 'evicted' });
    });
    void pick('urgent');
    await settle();
    expect(order).toEqual(['normal', 'sheddable', 'urgent']);
    expect(metrics.value(revocationsIssuedTotal, { priority: '0', ...pool })).toBe(1);
    expect(metrics.value(revocationsTotal, { outcome: 'confirmed', ...pool })).toBe(1);
    clock.advance(10);
    expect(metrics.value(pendingReclaim, pool)).toBe(0);
    expect(metrics.value(reclaimTarget, pool)).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a transport that comes late is told at once, and none twice', async () => {
    const { pick } = setUp(evicting);
    const { exchange } = await placed(pick('1', { priority: -1 }));
    await placed(pick('2', { priority: -1 }));
    void pick('urgent');
    void pick('more');
    let told = 0;
    exchange.onEvicted(() => told++);
    exchange.end({ termination: 'evicted' });
    exchange.onEvicted(() => told++);
    expect(told).toBe(1);
  });

  test('is off unless the configuration says so', async () => {
    const { pick, waiting } = setUp(concurrency);
    const { exchange } = await placed(pick('1', { priority: -1 }));
    await placed(pick('2', { priority: -1 }));
    exchange.onEvicted(() => {
      throw new Error('it must not be ended');
    });
    void pick('urgent');
    expect(waiting()).toBe(1);
  });
});

describe('with the gate closed', () => {
  const closed = `${HEAD}plugins: [{ type: queue-scorer }]\n`;

  test.each([
    ['a sheddable request is refused by a full pool', -1, 5, 'rejected-saturated'],
    ['a sheddable request is let in below that', -1, 4, undefined],
    ['others are let in anyway', 0, 99, undefined],
  ])('%s', async (_, priority, queue, reason) => {
    const { pick, scrape, picker } = setUp(closed);
    scrape('a', queue);
    const answer = await pick('1', { priority });
    expect(answer).toMatchObject(
      reason === undefined
        ? { kind: 'picked' }
        : { status: 429, reason, message: 'system saturated, sheddable request dropped' },
    );
    expect(picker.flowControl).toBeUndefined();
    expect(picker.decisions.find('1')[0]?.flow).toBeUndefined();
  });

  test('an empty pool is told as such', async () => {
    const { pick } = setUp(closed, { endpoints: [] });
    expect(await pick('1', { priority: -1 })).toMatchObject({ reason: 'rejected-no-endpoints' });
  });

  test('a request that is tried again is not shed', async () => {
    const { pick, scrape } = setUp(closed);
    scrape('a', 9);
    expect(await pick('1', { priority: -1 }, { attempt: 2 })).toMatchObject({ kind: 'picked' });
  });
});
