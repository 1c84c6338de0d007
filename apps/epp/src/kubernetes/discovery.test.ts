import {
  inferenceModelRewrites,
  inferenceModelRewritesX,
  inferenceObjectives,
  inferenceObjectivesX,
  inferencePools,
} from '@llm-d/crd-types';
import { pods } from '@llm-d/kube-runtime';
import { describe, expect, test } from 'vitest';
import { virtualCluster, type Replica } from './cluster.testing.ts';

const priority = ({ policies }: Replica, objective: string) =>
  policies.current().priorityOf(objective);
const target = ({ policies }: Replica, model: string) =>
  policies.current().rewriteOf(model)?.targets[0]?.model;

describe('the fleet', () => {
  test('is the ready pods of the pool, one endpoint for each port', async () => {
    const cluster = virtualCluster();
    cluster.putPool({ targetPorts: [{ number: 8000 }, { number: 8001 }] });
    cluster.putPod('a');
    cluster.putPod('b', { ready: false });
    cluster.putPod('c', { labels: { app: 'other' } });
    await using replica = cluster.start();
    expect(replica.kubernetes.notReady).toBe('InferencePools are being listed');
    await cluster.settle();
    expect(replica.kubernetes.notReady).toBeUndefined();
    expect(replica.endpoints()).toEqual([
      'prod/a-rank-0 10.0.0.1:8000',
      'prod/a-rank-1 10.0.0.1:8001',
    ]);
    cluster.putPod('b', { ip: 'fd00::2', annotations: { 'llm-d.ai/active-ports': '8001' } });
    cluster.removePod('a');
    await cluster.settle();
    expect(replica.endpoints()).toEqual(['prod/b-rank-1 [fd00::2]:8001']);
    cluster.putPod('b', { ready: false });
    await cluster.settle();
    expect(replica.endpoints()).toEqual([]);
    expect(replica.kubernetes.notReady).toBeUndefined();
  });

  test('changes once for everything that happens in a turn', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    for (let i = 0; i < 100; i++) cluster.putPod(`pod-${i}`, { ip: `10.0.1.${i}` });
    await using replica = cluster.start();
    let changes = 0;
    replica.fleet.watch(() => changes++);
    await cluster.settle();
    const before = changes;
    expect(replica.fleet.snapshot()).toHaveLength(100);
    for (let i = 0; i < 100; i++) cluster.putPod(`pod-${i}`, { ready: i < 50 });
    await cluster.settle();
    expect(replica.fleet.snapshot()).toHaveLength(50);
    expect([before, changes]).toEqual([1, 2]);
  });

  test('holds a thousand pods of eight ranks', async () => {
    const cluster = virtualCluster({ historySize: 10_000 });
    cluster.putPool({ targetPorts: Array.from({ length: 8 }, (_, i) => ({ number: 8000 + i })) });
    for (let i = 0; i < 1000; i++) cluster.putPod(`pod-${i}`, { ip: `10.0.${i >> 8}.${i & 255}` });
    await using replica = cluster.start();
    await cluster.settle();
    expect(replica.fleet.snapshot()).toHaveLength(8000);
    cluster.removePod('pod-17');
    await cluster.settle();
    expect(replica.fleet.snapshot()).toHaveLength(7992);
  });

  test('keeps what it knows of a pod whose labels change', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putPod('a');
    await using replica = cluster.start();
    await cluster.settle();
    const [before] = replica.fleet.snapshot();
    if (before === undefined) throw new Error('the fleet is empty');
    replica.fleet.place(before);
    cluster.putPod('a', { labels: { app: 'vllm', team: 'x' } });
    await cluster.settle();
    expect(replica.fleet.snapshot()).toMatchObject([
      { slot: before.slot, reservedRequests: 1, labels: { team: 'x' } },
    ]);
  });

  test('forgets a pod that another of its name has followed, though nobody saw it go', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putPod('a');
    await using replica = cluster.start();
    await cluster.settle();
    const [before] = replica.fleet.snapshot();
    if (before === undefined) throw new Error('the fleet is empty');
    replica.fleet.place(before);
    cluster.removePod('a');
    cluster.putPod('a');
    await cluster.settle();
    expect(replica.fleet.snapshot()).toMatchObject([{ reservedRequests: 0 }]);
  });
});

describe('the pool', () => {
  test('is waited for, and without it there is nothing', async () => {
    const cluster = virtualCluster();
    cluster.putPod('a');
    await using replica = cluster.start();
    await cluster.settle();
    expect(replica.condition('InferencePool')).toBe('False NotFound');
    expect(replica.kubernetes.notReady).toContain(
      'prod/llama of inference.networking.k8s.io is not there',
    );
    cluster.putPool();
    await cluster.settle();
    expect(replica.kubernetes.notReady).toBeUndefined();
    expect(replica.endpoints()).toHaveLength(1);
    cluster.removePool();
    await cluster.settle();
    expect(replica.endpoints()).toEqual([]);
    expect(replica.kubernetes.notReady).toContain('is not there');
    cluster.putPool();
    await cluster.settle();
    expect(replica.kubernetes.notReady).toBeUndefined();
    expect(replica.endpoints()).toHaveLength(1);
  });

  test('may take other ports, and what stays keeps its load', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putPod('a');
    await using replica = cluster.start();
    await cluster.settle();
    for (const endpoint of replica.fleet.snapshot()) replica.fleet.place(endpoint);
    cluster.putPool({ targetPorts: [{ number: 8000 }, { number: 9000 }] });
    await cluster.settle();
    expect(replica.endpoints()).toEqual([
      'prod/a-rank-0 10.0.0.1:8000',
      'prod/a-rank-1 10.0.0.1:9000',
    ]);
    expect(replica.fleet.get('prod/a-rank-0')?.reservedRequests).toBe(1);
  });

  test('may select others: whoever is in both stays while the others are being listed', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putPod('a', { labels: { app: 'vllm', tier: 'x' } });
    cluster.putPod('b');
    cluster.putPod('c', { labels: { tier: 'x' } });
    await using replica = cluster.start();
    await cluster.settle();
    expect(replica.endpoints().map((line) => line.slice(0, 6))).toEqual(['prod/a', 'prod/b']);
    cluster.server.faults.inject({ kind: 'silence' }, { plural: 'pods', times: 1 });
    cluster.putPool({ selector: { matchLabels: { tier: 'x' } } });
    await cluster.settle();
    expect(replica.endpoints().map((line) => line.slice(0, 6))).toEqual(['prod/a']);
    expect(replica.kubernetes.notReady).toBeUndefined();
    await cluster.pass(60_000);
    expect(replica.endpoints().map((line) => line.slice(0, 6))).toEqual(['prod/a', 'prod/c']);
    expect(cluster.server.watches.filter(({ type }) => type.plural === 'pods')).toHaveLength(1);
  });

  test('that speaks what no parser understands gets no requests', async () => {
    const cluster = virtualCluster();
    cluster.putPool({ appProtocol: 'http' });
    await using replica = cluster.start({}, { parsers: ['vllmgrpc-parser'] });
    await cluster.settle();
    expect(replica.kubernetes.notReady).toContain(
      'the pool speaks http, the parsers are vllmgrpc-parser',
    );
    expect(replica.condition('AppProtocol')).toBe('False Unsupported');
    cluster.putPool({ appProtocol: 'kubernetes.io/h2c' });
    await cluster.settle();
    expect(replica.kubernetes.notReady).toBeUndefined();
  });
});

describe('policies', () => {
  test('are those that refer to the pool, as long as they are there', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putObjective('premium', 9);
    cluster.putRewrite('m', 'n');
    await using replica = cluster.start();
    await cluster.settle();
    expect([priority(replica, 'premium'), target(replica, 'm')]).toEqual([9, 'n']);
    cluster.putObjective('premium', 5);
    cluster.server.remove(inferenceModelRewrites, { namespace: 'prod', name: 'm-to-n' });
    await cluster.settle();
    expect([priority(replica, 'premium'), target(replica, 'm')]).toEqual([5, undefined]);
  });

  test('of the legacy group do not count where both groups exist', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putObjective('premium', 9, inferenceObjectivesX);
    cluster.putRewrite('m', 'n', inferenceModelRewritesX);
    await using replica = cluster.start();
    await cluster.settle();
    expect([priority(replica, 'premium'), target(replica, 'm')]).toEqual([0, undefined]);
    expect(replica.warnings()).toEqual([]);
    const ignored = replica.lines.filter(({ message }) => message.includes('are ignored'));
    expect(ignored.map(({ fields }) => fields['objects'])).toEqual([
      'InferenceObjectives',
      'InferenceModelRewrites',
    ]);
  });

  test('of the legacy group count alone, until the CRD of the present one is installed', async () => {
    const cluster = virtualCluster();
    cluster.server.removeType(inferenceObjectives);
    cluster.putPool();
    cluster.putObjective('premium', 9, inferenceObjectivesX);
    await using replica = cluster.start();
    await cluster.settle();
    expect(priority(replica, 'premium')).toBe(9);
    expect(replica.kubernetes.notReady).toBeUndefined();
    cluster.server.addType(inferenceObjectives);
    cluster.putObjective('premium', 3);
    await cluster.pass(20_000);
    expect(priority(replica, 'premium')).toBe(3);
    expect(
      cluster.server.watches.filter(({ type }) => type.plural === 'inferenceobjectives'),
    ).toHaveLength(1);
    expect(replica.warnings()).toEqual([]);
  });

  test.each(['missing', 'forbidden'] as const)(
    'that are %s hinder nobody, and are found later',
    async (how) => {
      const cluster = virtualCluster();
      const types = [inferenceObjectives, inferenceObjectivesX];
      for (const type of types) {
        if (how === 'missing') cluster.server.removeType(type);
        else cluster.server.faults.forbid(type);
      }
      cluster.putPool();
      cluster.putPod('a');
      await using replica = cluster.start();
      await cluster.settle();
      const reason = how === 'missing' ? 'NotInstalled' : 'Forbidden';
      expect(replica.condition('InferenceObjectives')).toBe(`False ${reason}`);
      expect(replica.kubernetes.notReady).toBeUndefined();
      expect(replica.endpoints()).toHaveLength(1);
      await cluster.pass(120_000);
      expect(replica.warnings()).toEqual([`InferenceObjectives ${reason}`]);
      for (const type of types) {
        if (how === 'missing') cluster.server.addType(type);
        else cluster.server.faults.allow(type);
      }
      cluster.putObjective('premium', 9);
      await cluster.pass(40_000);
      expect(priority(replica, 'premium')).toBe(9);
      expect(replica.condition('InferenceObjectives')).toBe('True Synced');
    },
  );

  test('that an API server denies while it starts are kept', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putObjective('premium', 9);
    cluster.putObjective('premium', 1, inferenceObjectivesX);
    await using replica = cluster.start();
    await cluster.settle();
    const missing = { kind: 'status', status: 404, reason: 'NotFound' } as const;
    cluster.server.faults.inject(missing, { plural: 'inferenceobjectives', group: 'llm-d.ai' });
    for (const watch of cluster.server.watches) watch.end();
    await cluster.pass(10_000);
    expect(replica.condition('InferenceObjectives')).toBe('False NotInstalled');
    expect(priority(replica, 'premium')).toBe(9);
    cluster.server.faults.clear();
    await cluster.pass(20_000);
    expect(replica.condition('InferenceObjectives')).toBe('True Synced');
    expect(priority(replica, 'premium')).toBe(9);
  });

  test('are gone when their CRD is', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putObjective('premium', 9);
    await using replica = cluster.start();
    await cluster.settle();
    cluster.server.removeType(inferenceObjectives);
    await cluster.pass(20_000);
    expect(priority(replica, 'premium')).toBe(0);
  });

  test('that are not known yet are waited for', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.server.faults.inject(
      { kind: 'silence' },
      { plural: 'inferencemodelrewrites', times: 1 },
    );
    await using replica = cluster.start();
    await cluster.settle();
    expect(replica.kubernetes.notReady).toContain(
      'InferenceModelRewrites of llm-d.ai are being listed',
    );
    await cluster.pass(60_000);
    expect(replica.kubernetes.notReady).toBeUndefined();
  });
});

describe('an API server', () => {
  test('that goes away changes nothing that is known', async () => {
    const cluster = virtualCluster();
    cluster.putPool();
    cluster.putPod('a');
    cluster.putObjective('premium', 9);
    await using replica = cluster.start();
    await cluster.settle();
    cluster.server.faults.inject({ kind: 'unreachable' });
    for (const watch of cluster.server.watches) watch.end();
    await cluster.pass(300_000);
    const names = ['InferencePool', 'Pods', 'InferenceObjectives', 'InferenceModelRewrites'];
    expect(names.map(replica.condition)).toEqual(names.map(() => 'False Unreachable'));
    expect([replica.endpoints().length, priority(replica, 'premium')]).toEqual([1, 9]);
    expect(replica.kubernetes.notReady).toBeUndefined();
    expect(replica.warnings().toSorted()).toEqual(
      names.map((name) => `${name} Unreachable`).toSorted(),
    );
    cluster.server.faults.clear();
    cluster.putPod('b');
    await cluster.pass(40_000);
    expect(names.map(replica.condition)).toEqual([
      'True Found',
      'True Synced',
      'True Synced',
      'True Synced',
    ]);
    expect(replica.endpoints()).toHaveLength(2);
  });

  test('that is not there at the start is waited for', async () => {
    const cluster = virtualCluster();
    cluster.server.faults.inject({ kind: 'unreachable' });
    cluster.putPool();
    await using replica = cluster.start();
    await cluster.pass(1000);
    expect(replica.kubernetes.notReady).toContain('the API server does not answer');
    cluster.server.faults.clear();
    await cluster.pass(40_000);
    expect(replica.kubernetes.notReady).toBeUndefined();
  });

  test.each([
    ['pods', pods, 'Pods'],
    ['pools', inferencePools, 'InferencePool'],
  ])('that shows no %s leaves us unready until it does', async (_, type, name) => {
    const cluster = virtualCluster();
    cluster.server.faults.forbid(type);
    cluster.putPool();
    cluster.putPod('a');
    await using replica = cluster.start();
    await cluster.settle();
    expect(replica.condition(name)).toBe('False Forbidden');
    expect(replica.kubernetes.notReady).toContain('may not be listed and watched');
    cluster.server.faults.allow(type);
    await cluster.pass(20_000);
    expect(replica.kubernetes.notReady).toBeUndefined();
    expect(replica.endpoints()).toHaveLength(1);
  });
});

test('a selector needs nothing but pods', async () => {
  const cluster = virtualCluster({ types: [pods] });
  cluster.putPod('a');
  cluster.putPod('b', { labels: { app: 'other' } });
  const source = {
    kind: 'selector',
    matchLabels: { app: 'vllm' },
    targetPorts: [8000, 8001],
  } as const;
  await using replica = cluster.start({ source, poolName: 'my-epp' });
  await cluster.settle();
  expect(replica.kubernetes.notReady).toBeUndefined();
  expect(replica.endpoints()).toEqual([
    'prod/a-rank-0 10.0.0.1:8000',
    'prod/a-rank-1 10.0.0.1:8001',
  ]);
  expect(new Set(cluster.server.requests.map(({ plural }) => plural))).toEqual(new Set(['pods']));
  expect(cluster.server.requests[0]?.path).toContain('labelSelector=app%3Dvllm');
});

test('pools of the first API group are found there', async () => {
  const group = 'inference.networking.x-k8s.io';
  const type = { ...inferencePools, group, version: 'v1alpha2' };
  const cluster = virtualCluster({
    types: [pods, type, inferenceObjectives, inferenceModelRewrites],
  });
  cluster.server.put(type, {
    metadata: { name: 'llama', namespace: 'prod' },
    spec: { selector: { app: 'vllm' }, targetPortNumber: 8000 } as never,
  });
  cluster.putPod('a');
  await using replica = cluster.start({ source: { kind: 'pool', group } });
  await cluster.settle();
  expect(replica.endpoints()).toEqual(['prod/a-rank-0 10.0.0.1:8000']);
});

test('the end leaves nothing behind', async () => {
  const cluster = virtualCluster();
  cluster.server.removeType(inferenceObjectives);
  cluster.putPool();
  cluster.putPod('a');
  const replica = cluster.start();
  await cluster.pass(1000);
  await replica.kubernetes.close();
  await cluster.settle();
  expect(cluster.clock.pendingTimers).toBe(0);
  expect(cluster.server.watches).toEqual([]);
  expect(replica.endpoints()).toEqual([]);
});
