import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  flowRequestsTotal,
  globalRequestUtilization,
  poolSaturation,
  queueSize,
} from '../flow-control/metric-definitions.ts';
import { requestRunning } from '../metric-definitions/request-series.ts';
import type { Picked } from '../picker/endpoint-picker.ts';
import type { Refusal } from '../picker/refusal.ts';
import { pass } from './files.testing.ts';
import { startReloading } from './reloading.testing.ts';

/** Each of the two servers is full with one request, and nobody scrapes: room is made by answers alone. */
const queueing = (probe = 'a', settings = ''): string => `
featureGates: [flowControl]
plugins:
- { type: probe, name: ${probe} }
- { type: concurrency-detector, parameters: { maxConcurrency: 1 } }
flowControl:
  saturationDetector: { pluginRef: concurrency-detector }
  defaultRequestTTL: 60s
${settings}
dataLayer: { injectDefaults: false }
`;
const open = (probe: string): string => `
plugins: [{ type: probe, name: ${probe} }, { type: concurrency-detector }]
dataLayer: { injectDefaults: false }
`;
const end = { termination: 'natural' } as const;

const labels = { model_name: 'm', target_model_name: 'm', fairness_id: 'default-flow' };
const inPool = { inference_pool: 'epp' };

const startQueueing = async (body = queueing()) => {
  const parts = await startReloading(body);
  const { pick, settle, metrics } = parts;
  const placed: string[] = [];
  const answers = new Map<string, Promise<Picked | Refusal>>();
  /** Asks, and waits for as long as it takes to know whether it waits. */
  const ask = async (id: string) => {
    const answer = pick({ id }).then((settled) => {
      if (settled.kind === 'picked') placed.push(id);
      return settled;
    });
    answers.set(id, answer);
    await settle();
  };
  const finish = async (id: string) => {
    const answer = await answers.get(id);
    if (answer?.kind === 'picked') answer.exchange.end(end);
    await settle();
  };
  const waiting = () => metrics.value(queueSize, { ...labels, ...inPool, priority: '0' });
  const ended = (outcome: string) =>
    metrics.value(flowRequestsTotal, { outcome, priority: '0', ...inPool });
  return { ...parts, placed, answers, ask, finish, waiting, ended };
};

describe('requests that wait while the configuration changes', () => {
  test('are let in by the one they came to, whosever answers make the room', async () => {
    const { running, reload, ask, finish, placed, waiting, ended } = await startQueueing();
    for (const id of ['1', '2', '3', '4']) await ask(id);
    expect([placed, waiting()]).toEqual([['1', '2'], 2]);
    await reload(queueing('b'));
    await ask('5');
    expect([placed, waiting()]).toEqual([['1', '2'], 3]);
    expect(running.retiring).toEqual([{ generation: 1, inFlight: 4 }]);
    await finish('1');
    await finish('2');
    expect([...placed].sort()).toEqual(['1', '2', '3', '4']);
    await finish('3');
    expect(placed).toContain('5');
    await ask('6');
    await finish('5');
    expect(placed).toContain('6');
    await finish('4');
    await finish('6');
    expect([waiting(), ended('Dispatched'), running.retiring]).toEqual([0, 6, []]);
    const generations = running.picker.decisions.recent(9).map((r) => [r.requestId, r.generation]);
    expect(Object.fromEntries(generations)).toEqual({ 1: 1, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2 });
    await running.close();
  });

  test('are let in though only answers of the next one make room', async () => {
    const { running, reload, ask, finish, placed } = await startQueueing();
    await ask('1');
    await reload(queueing('b'));
    await ask('2');
    await reload(queueing('c'));
    await ask('3');
    expect(placed).toEqual(['1', '2']);
    // The oldest configuration makes room, the youngest waits for it.
    await finish('1');
    expect(placed).toEqual(['1', '2', '3']);
    await finish('2');
    await finish('3');
    expect(running.retiring).toEqual([]);
    await running.close();
  });

  test('are let in by flow control that is switched off, while others need not wait', async () => {
    const { running, reload, ask, finish, placed, metrics } = await startQueueing();
    for (const id of ['1', '2', '3']) await ask(id);
    await reload(open('b'));
    expect(running.picker.flowControl).toBeUndefined();
    await ask('4');
    expect(placed).toEqual(['1', '2', '4']);
    for (const id of ['1', '2', '4', '3']) await finish(id);
    expect(placed).toEqual(['1', '2', '4', '3']);
    const stage = { ...inPool, stage: 'effective' };
    expect(metrics.value(poolSaturation, stage)).toBe(0);
    await reload(queueing('c'));
    expect(running.picker.flowControl?.snapshot()).toMatchObject({ requests: 0 });
    await running.close();
  });

  test('are refused when the time of the configuration that they came to is over', async () => {
    const { running, reload, ask, answers, clock, waiting } = await startQueueing(
      queueing('a', '  noEndpointRequestTTL: 0s').replace('60s', '0s'),
    );
    for (const id of ['1', '2', '3']) await ask(id);
    await reload(queueing('b'));
    await pass(clock, 600_100, 50_000);
    expect(await answers.get('3')).toMatchObject({ kind: 'refused', status: 503 });
    expect([waiting(), running.retiring]).toEqual([0, []]);
    for (const id of ['1', '2']) {
      const answer = await answers.get(id);
      if (answer?.kind === 'picked') answer.exchange.end(end);
    }
    await running.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test('show how full the queue is that takes requests now', async () => {
    const { running, reload, ask, finish, metrics } = await startQueueing(
      queueing('a', '  maxRequests: 4'),
    );
    for (const id of ['1', '2', '3', '4']) await ask(id);
    const fill = () => metrics.value(globalRequestUtilization, inPool);
    expect(fill()).toBe(0.5);
    await reload(queueing('b', '  maxRequests: 10'));
    await ask('5');
    expect(fill()).toBe(0.1);
    for (const id of ['1', '2', '3', '4', '5']) await finish(id);
    expect(fill()).toBe(0);
    await running.close();
  });
});

test('whatever configurations follow upon each other, no request is lost and no count is left', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant('ask' as const) },
    { weight: 4, arbitrary: fc.constant('finish' as const) },
    { weight: 2, arbitrary: fc.constantFrom('queue a', 'queue b', 'open b', 'open c', 'bounded') },
  );
  const texts: Readonly<Record<string, string>> = {
    'queue a': queueing('a'),
    'queue b': queueing('b'),
    'open b': open('b'),
    'open c': open('c'),
    bounded: queueing('c', '  maxRequests: 100\n  enableEviction: false'),
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const { running, reload, pick, settle, made, clock, fleet, metrics } =
        await startReloading(queueing());
      const pending: Promise<Picked | Refusal>[] = [];
      const exchanges: Picked[] = [];
      let asked = 0;
      let refused = 0;
      const finishOne = () => exchanges.shift()?.exchange.end(end);
      for (const what of steps) {
        if (what === 'ask') {
          asked++;
          const answer = pick({ id: `r${asked}` });
          pending.push(answer);
          void answer.then((settled) => {
            if (settled.kind === 'picked') exchanges.push(settled);
            else refused++;
          });
        } else if (what === 'finish') finishOne();
        else await reload(texts[what] ?? '');
        await settle();
      }
      let finished = 0;
      for (let idle = 0; idle < 3; idle++) {
        while (exchanges.length > 0) {
          finishOne();
          finished++;
          idle = 0;
          await settle();
        }
        await settle();
      }
      await Promise.all(pending);
      expect(finished).toBeLessThanOrEqual(asked);
      expect([refused, running.retiring]).toEqual([0, []]);
      expect(metrics.value(requestRunning, { ...labels, priority: '0' })).toBe(0);
      expect(metrics.value(queueSize, { ...labels, ...inPool, priority: '0' })).toBe(0);
      expect(fleet.snapshot().map((endpoint) => endpoint.reservedRequests)).toEqual([0, 0]);
      await running.close();
      expect(made.filter(({ closed, open: left }) => closed !== 1 || left !== 0)).toEqual([]);
      expect([fleet.listeners, clock.pendingTimers]).toEqual([0, 0]);
    }),
    { numRuns: 60 },
  );
});
