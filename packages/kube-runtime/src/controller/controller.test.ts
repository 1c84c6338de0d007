import { sleep } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger, recordingMetrics } from '@llm-d/telemetry/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configMaps, pods, type ConfigMap } from '../built-in-types.ts';
import type { ObjectKey } from '../client/resource-path.ts';
import { startInformer } from '../informer/informer.ts';
import {
  configMap,
  dice,
  pod,
  virtualCluster,
  type VirtualCluster,
} from '../virtual-cluster.testing.ts';
import {
  activeWorkers,
  maxConcurrentReconciles,
  reconcileErrors,
  reconcilePanics,
  reconcileTime,
  reconcileTimeouts,
  reconcileTotal,
  terminalReconcileErrors,
} from './controller-metrics.ts';
import { startController, type Controller, type ControllerOptions } from './controller.ts';
import { ownerKeys, ownKey, sourceOf } from './source.ts';
import { TerminalError } from './terminal-error.ts';

const key = (name: string): ObjectKey => ({ namespace: 'default', name });
const own = { controller: 'suite' };

let cluster: VirtualCluster;
const closing: AsyncDisposable[] = [];

beforeEach(() => {
  cluster = virtualCluster();
});
afterEach(async () => {
  for (const part of closing.splice(0).reverse()) {
    const closed = part[Symbol.asyncDispose]();
    await cluster.pass(20_000);
    await closed;
  }
  expect(cluster.clock.pendingTimers).toBe(0);
});

const informerOf = () => {
  const { client, clock } = cluster;
  const informer = startInformer({ client, clock, random: dice(), type: configMaps });
  closing.push(informer);
  return informer;
};

/** A controller of the config maps that tells what it was asked. */
const start = (options: Partial<ControllerOptions> = {}) => {
  const informer = informerOf();
  const asked: string[] = [];
  const metrics = recordingMetrics();
  const logger = recordingLogger();
  const { reconcile } = options;
  const controller: Controller = startController({
    name: 'suite',
    sources: [sourceOf(informer, ownKey)],
    clock: cluster.clock,
    telemetry: { ...noopTelemetry, metrics, logger },
    ...options,
    reconcile: (of, signal) => {
      asked.push(of.name);
      return reconcile?.(of, signal) ?? Promise.resolve(undefined);
    },
  });
  closing.push(controller);
  const results = (result: string) => metrics.value(reconcileTotal, { ...own, result });
  return { informer, controller, asked, metrics, logger, results };
};

const put = (name: string, data?: Record<string, string>): ConfigMap =>
  cluster.server.put(configMaps, configMap(name, data));

test('what is there, what changes and what goes is reconciled', async () => {
  put('a');
  const { asked } = start();
  await cluster.settle();
  put('a', { v: '2' });
  put('b');
  await cluster.settle();
  cluster.server.remove(configMaps, key('a'));
  await cluster.settle();
  expect(asked).toEqual(['a', 'a', 'b', 'a']);
});

test('nothing is reconciled before every source has everything', async () => {
  put('a');
  cluster.server.faults.forbid(pods);
  const { client, clock } = cluster;
  const other = startInformer({ client, clock, random: dice(), type: pods });
  closing.push(other);
  const informer = informerOf();
  const sources = [sourceOf(informer, ownKey), sourceOf(other, ownerKeys(configMaps))];
  const { asked, controller } = start({ sources });
  await cluster.pass(60_000);
  expect([informer.hasSynced, asked, controller.isWorking]).toEqual([true, [], false]);
  cluster.server.faults.allow(pods);
  await cluster.pass(20_000);
  expect([asked, controller.isWorking]).toEqual([['a'], true]);
});

test('an optional source is done without while it is missing, and heard when it is not', async () => {
  cluster.server.removeType(pods);
  const { client, clock } = cluster;
  const other = startInformer({ client, clock, random: dice(), type: pods });
  closing.push(other);
  put('a');
  const sources = [
    sourceOf(informerOf(), ownKey),
    sourceOf(other, ownerKeys(configMaps), { optional: true }),
  ];
  const { asked } = start({ sources });
  await cluster.settle();
  expect(asked).toEqual(['a']);
  cluster.server.addType(pods);
  const uid = cluster.server.objects(configMaps)[0]?.metadata.uid ?? '';
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid };
  cluster.server.put(pods, pod('p', { ownerReferences: [owner] }));
  await cluster.pass(20_000);
  expect(asked).toEqual(['a', 'a']);
});

describe('a failure', () => {
  test('is repeated later each time, until it succeeds', async () => {
    let left = 3;
    const at: number[] = [];
    const { asked, results, metrics } = start({
      reconcile: () => {
        at.push(cluster.clock.nowMs());
        return left-- > 0 ? Promise.reject(new Error('not yet')) : Promise.resolve(undefined);
      },
      retry: { initialMs: 1000 },
    });
    put('a');
    await cluster.pass(20_000);
    expect(asked).toHaveLength(4);
    expect(at.map((ms) => ms - (at[0] ?? 0))).toEqual([0, 1000, 3000, 7000]);
    expect([results('error'), results('success')]).toEqual([3, 1]);
    expect(metrics.value(reconcileErrors, own)).toBe(3);
  });

  test('after a success is a first one again', async () => {
    const outcomes = [false, false, true, false, true];
    const at: number[] = [];
    const { controller } = start({
      reconcile: () => {
        at.push(cluster.clock.nowMs());
        return outcomes[at.length - 1] === true
          ? Promise.resolve(undefined)
          : Promise.reject(new Error('not yet'));
      },
      retry: { initialMs: 1000 },
    });
    put('a');
    await cluster.pass(5000);
    controller.enqueue(key('a'));
    await cluster.pass(5000);
    expect(at.map((ms, index) => ms - (at[index - 1] ?? ms))).toEqual([0, 1000, 2000, 2000, 1000]);
  });

  test('of the program counts as a panic and harms nobody else', async () => {
    const { asked, metrics } = start({
      reconcile: ({ name }) => {
        if (name === 'bad') throw new TypeError('undefined is not an object');
        return Promise.resolve(undefined);
      },
      retry: { initialMs: 1_000_000 },
    });
    put('bad');
    put('good');
    await cluster.settle();
    expect(asked).toEqual(['bad', 'good']);
    expect(metrics.value(reconcilePanics, own)).toBe(1);
    expect(metrics.value(activeWorkers, own)).toBe(0);
  });

  test('for good is repeated only when something changes', async () => {
    const { asked, metrics, logger } = start({
      reconcile: () => Promise.reject(new TerminalError('never')),
    });
    put('a');
    await cluster.pass(3_000_000);
    expect(asked).toEqual(['a']);
    put('a', { v: '2' });
    await cluster.settle();
    expect(asked).toEqual(['a', 'a']);
    expect(metrics.value(terminalReconcileErrors, own)).toBe(2);
    expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { key: 'default/a' } });
  });

  test('by a conflict is no reason to worry', async () => {
    const first = put('a');
    put('a', { v: '2' });
    const { logger } = start({
      reconcile: async (_, signal) => {
        await cluster.client.update(configMaps, { ...first, data: { v: '3' } }, { signal });
      },
    });
    await cluster.settle();
    expect(logger.lines).toMatchObject([
      { level: 'info', message: expect.stringContaining('changed') as string },
    ]);
  });
});

test('a key may ask to be looked at again', async () => {
  const { asked, results, controller } = start({
    reconcile: () => Promise.resolve({ requeueAfterMs: 10_000 }),
  });
  put('a');
  await cluster.settle();
  expect(controller.pending).toBe(1);
  await cluster.pass(30_000);
  expect(asked).toHaveLength(4);
  expect(results('requeue_after')).toBe(4);
});

test('keys are reconciled side by side, one key never beside itself', async () => {
  const running: string[] = [];
  let most = 0;
  const { metrics, asked } = start({
    concurrency: 2,
    reconcile: async ({ name }) => {
      expect(running).not.toContain(name);
      running.push(name);
      most = Math.max(most, running.length);
      await sleep(cluster.clock, 1000);
      running.splice(running.indexOf(name), 1);
    },
  });
  for (const name of ['a', 'b', 'c']) put(name);
  await cluster.pass(500);
  put('a', { v: '2' });
  await cluster.pass(10_000);
  expect(most).toBe(2);
  expect(asked).toEqual(['a', 'b', 'c', 'a']);
  expect(metrics.value(maxConcurrentReconciles, own)).toBe(2);
  expect(metrics.observations(reconcileTime, own)).toHaveLength(4);
});

test('a reconciliation that takes too long is aborted and repeated', async () => {
  const { asked, metrics } = start({
    reconcileTimeoutMs: 1000,
    retry: { initialMs: 5000 },
    reconcile: async (_, signal) => {
      await sleep(cluster.clock, 1_000_000, signal);
      return undefined;
    },
  });
  put('a');
  await cluster.pass(1500);
  expect(metrics.value(reconcileTimeouts, own)).toBe(1);
  await cluster.pass(5000);
  expect(asked).toEqual(['a', 'a']);
});

test('keys that found no place are looked at when there is some again', async () => {
  for (const name of ['a', 'b', 'c', 'd']) put(name);
  const { asked, logger } = start({ maxKeys: 1 });
  await cluster.settle();
  expect(new Set(asked)).toEqual(new Set(['a', 'b', 'c', 'd']));
  expect(asked.length).toBeLessThan(10);
  expect(logger.lines.filter(({ level }) => level === 'warn').length).toBeGreaterThan(0);
});

describe('a stop', () => {
  test('in good order lets what runs come to its end and begins nothing', async () => {
    let ended = false;
    const { controller, asked } = start({
      reconcile: async (_, signal) => {
        await sleep(cluster.clock, 3000, signal);
        ended = true;
      },
    });
    put('a');
    put('b');
    await cluster.settle();
    const stopped = controller.stop({ graceMs: 5000 });
    await cluster.pass(4000);
    expect(await stopped).toEqual([]);
    put('c');
    controller.enqueue(key('d'));
    await cluster.pass(1000);
    expect([ended, asked, controller.pending]).toEqual([true, ['a'], 0]);
  });

  test('at once aborts what runs, also where another stop was more patient', async () => {
    const { controller, results } = start({
      reconcile: async (_, signal) => {
        await sleep(cluster.clock, 3_000_000, signal);
        return undefined;
      },
    });
    put('a');
    await cluster.settle();
    const patient = controller.stop({ graceMs: 1_000_000 });
    await cluster.settle();
    const stopped = controller.stop();
    await cluster.settle();
    expect([await patient, await stopped]).toEqual([[], []]);
    expect([results('success'), results('error')]).toEqual([0, 0]);
  });

  test('does not wait forever for what does not end, and says what that is', async () => {
    let end = (): void => undefined;
    const { controller } = start({
      reconcile: () =>
        new Promise((resolve) => {
          end = () => {
            resolve(undefined);
          };
        }),
    });
    put('a');
    await cluster.settle();
    const stopped = controller.stop({ timeoutMs: 2000 });
    await cluster.pass(2000);
    expect(await stopped).toEqual([key('a')]);
    end();
  });

  test('begins nothing with a key that was handed over in the same moment', async () => {
    const { controller, asked } = start();
    await cluster.settle();
    controller.enqueue(key('a'));
    await controller.stop();
    expect(asked).toEqual([]);
  });

  test('before the sources are ready leaves nothing behind', async () => {
    cluster.server.faults.forbid(configMaps);
    const { controller } = start();
    await controller.stop();
    cluster.server.faults.allow(configMaps);
    await cluster.pass(20_000);
    expect(controller.isWorking).toBe(false);
  });
});

test('no workers are refused', () => {
  expect(() =>
    startController({
      name: 'suite',
      sources: [],
      clock: cluster.clock,
      concurrency: 0,
      reconcile: () => Promise.resolve(undefined),
    }),
  ).toThrow(RangeError);
});
