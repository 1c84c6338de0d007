import { inferenceObjectives } from '@llm-d/crd-types';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { configMaps, pods } from '../built-in-types.ts';
import { configMap, dice, objective, pod, virtualCluster } from '../virtual-cluster.testing.ts';
import { startReflector, type ReflectorOptions } from './reflector.ts';
import type { KubeObject, ResourceType } from '@llm-d/crd-types';

/** What a reflector has handed over. */
function recordingSink<T extends KubeObject>() {
  const objects = new Map<string, T>();
  const calls: string[] = [];
  return {
    objects,
    calls,
    put: (object: T) => {
      calls.push(`put ${object.metadata.name}`);
      objects.set(object.metadata.name, object);
    },
    remove: (object: T) => {
      calls.push(`remove ${object.metadata.name}`);
      objects.delete(object.metadata.name);
    },
    replace: (next: readonly T[]) => {
      calls.push(`replace ${next.length}`);
      objects.clear();
      for (const object of next) objects.set(object.metadata.name, object);
    },
  };
}

function reflect<T extends KubeObject>(
  type: ResourceType<T>,
  cluster: ReturnType<typeof virtualCluster>,
  options: Partial<ReflectorOptions<T>> = {},
) {
  const { client, clock } = cluster;
  const logger = recordingLogger();
  const sink = recordingSink<T>();
  const telemetry = { ...noopTelemetry, logger };
  const reflector = startReflector<T>(
    { client, clock, random: dice(), type, telemetry, ...options },
    sink,
  );
  const states: string[] = [];
  reflector.onStateChange((state) => {
    states.push(state.kind === 'degraded' ? state.reason : state.kind);
  });
  return { reflector, sink, states, logger };
}

const verbs = (cluster: ReturnType<typeof virtualCluster>): string[] =>
  cluster.server.requests.map(({ verb }) => verb);

describe.each([
  ['streams lists', true, ['watch']],
  ['lists in pages', false, ['list', 'list', 'watch']],
])('a reflector of a server that %s', (_, streamLists, first) => {
  test('hands over what is there, then what happens', async () => {
    const cluster = virtualCluster({ streamLists });
    for (const name of ['a', 'b', 'c']) cluster.server.put(configMaps, configMap(name));
    const { reflector, sink } = reflect(configMaps, cluster, { pageSize: 2, streamLists });
    expect(reflector.state).toEqual({ kind: 'syncing' });
    await cluster.settle();
    expect(reflector.state).toEqual({ kind: 'synced' });
    expect(verbs(cluster)).toEqual(first);
    cluster.server.put(configMaps, configMap('d'));
    cluster.server.put(configMaps, configMap('a', { changed: 'yes' }));
    cluster.server.remove(configMaps, { name: 'b', namespace: 'default' });
    await cluster.settle();
    expect(sink.calls).toEqual(['replace 3', 'put d', 'put a', 'remove b']);
    await reflector.stop();
    expect(cluster.clock.pendingTimers).toBe(0);
    expect(cluster.server.watches).toHaveLength(0);
  });

  test('resumes a broken watch where it was, without a word about it', async () => {
    const cluster = virtualCluster({ streamLists });
    const { sink, states, logger, reflector } = reflect(configMaps, cluster, { streamLists });
    await cluster.settle();
    cluster.server.watches[0]?.break(new Error('reset'));
    cluster.server.put(configMaps, configMap('missed'));
    await cluster.pass(1000);
    expect(sink.calls).toEqual(['replace 0', 'put missed']);
    expect(states).toEqual(['synced']);
    expect(logger.lines).toHaveLength(1);
    await reflector.stop();
  });

  test('lists again when the server has forgotten the place', async () => {
    const cluster = virtualCluster({ streamLists });
    cluster.server.put(configMaps, configMap('old'));
    const { sink, states, reflector } = reflect(configMaps, cluster, { streamLists });
    await cluster.settle();
    cluster.server.watches[0]?.break(new Error('reset'));
    cluster.server.remove(configMaps, { name: 'old', namespace: 'default' });
    cluster.server.put(configMaps, configMap('new'));
    cluster.server.forgetHistory();
    await cluster.pass(1000);
    expect(sink.calls).toEqual(['replace 1', 'replace 1']);
    expect([...sink.objects.keys()]).toEqual(['new']);
    expect(states).toEqual(['synced']);
    await reflector.stop();
  });
});

test('a server that refuses to stream lists is asked for pages, once and for all', async () => {
  const cluster = virtualCluster({ streamLists: false });
  const { reflector, states } = reflect(configMaps, cluster);
  await cluster.settle();
  await cluster.pass(25);
  expect(verbs(cluster)).toEqual(['watch', 'list', 'watch']);
  cluster.server.watches[0]?.expire();
  await cluster.pass(1000);
  expect(verbs(cluster).slice(3)).toEqual(['list', 'watch']);
  expect(states).toEqual(['synced']);
  await reflector.stop();
});

test('a page whose version is gone is read again with all the others', async () => {
  const cluster = virtualCluster();
  for (const name of ['a', 'b', 'c']) cluster.server.put(configMaps, configMap(name));
  cluster.server.latencyMs = 100;
  const { reflector, sink } = reflect(configMaps, cluster, { pageSize: 1, streamLists: false });
  await cluster.pass(150);
  cluster.server.forgetHistory();
  await cluster.pass(500);
  expect(verbs(cluster).slice(0, 3)).toEqual(['list', 'list', 'list']);
  expect(sink.calls).toEqual(['replace 3']);
  await reflector.stop();
});

test.each([
  ['permission', 'forbidden'],
  ['its CustomResourceDefinition', 'missing'],
] as const)(
  'without %s it is %s, asks seldom, and recovers when it is given',
  async (_, reason) => {
    const cluster = virtualCluster();
    const { server } = cluster;
    if (reason === 'forbidden') server.faults.forbid(inferenceObjectives);
    else server.removeType(inferenceObjectives);
    const { reflector, states, sink, logger } = reflect(inferenceObjectives, cluster);
    await cluster.pass(60_000);
    expect(states).toEqual([reason]);
    expect(server.requests.length).toBeGreaterThanOrEqual(3);
    expect(server.requests.length).toBeLessThanOrEqual(5);
    server.faults.allow(inferenceObjectives);
    server.addType(inferenceObjectives);
    server.put(inferenceObjectives, objective('a', 1));
    await cluster.pass(20_000);
    expect(states).toEqual([reason, 'synced']);
    expect([...sink.objects.keys()]).toEqual(['a']);
    expect(logger.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'warn: objects may be out of date',
      'info: objects are up to date',
    ]);
    await reflector.stop();
  },
);

test('when a type goes away and comes back, nothing of before is left', async () => {
  const cluster = virtualCluster();
  const { server } = cluster;
  server.put(inferenceObjectives, objective('old', 1));
  const { reflector, states, sink } = reflect(inferenceObjectives, cluster);
  await cluster.settle();
  server.watches[0]?.break(new Error('reset'));
  server.removeType(inferenceObjectives);
  await cluster.pass(1000);
  expect(states).toEqual(['synced', 'missing']);
  server.addType(inferenceObjectives);
  server.put(inferenceObjectives, objective('new', 1));
  await cluster.pass(20_000);
  expect(states).toEqual(['synced', 'missing', 'synced']);
  expect([...sink.objects.keys()]).toEqual(['new']);
  await reflector.stop();
});

test.each([
  ['the connection fails', { kind: 'unreachable' }, 'unreachable'],
  ['nobody answers', { kind: 'silence' }, 'unreachable'],
  ['a proxy answers', { kind: 'garbage' }, 'failing'],
  ['the server has a problem', { kind: 'status', status: 500 }, 'failing'],
  [
    'the token is not valid',
    { kind: 'status', status: 401, reason: 'Unauthorized' },
    'unauthorized',
  ],
] as const)(
  'while %s it goes on trying, less and less often, for ever',
  async (_, fault, reason) => {
    const cluster = virtualCluster();
    const { server } = cluster;
    server.faults.inject(fault);
    const { reflector, states, logger } = reflect(configMaps, cluster);
    const asked: number[] = [];
    for (let minute = 0; minute < 60; minute++) {
      await cluster.pass(60_000);
      asked.push(server.requests.length);
    }
    expect(states).toEqual([reason]);
    expect(logger.lines).toHaveLength(1);
    // At least one attempt in each of the last ten minutes, and no more than waits of at least 15 seconds allow.
    const late = asked.slice(-11).map((count, i, all) => count - (all[i - 1] ?? count));
    for (const count of late.slice(1)) {
      expect(count).toBeGreaterThanOrEqual(1);
      expect(count).toBeLessThanOrEqual(4);
    }
    server.faults.clear();
    server.put(configMaps, configMap('a'));
    await cluster.pass(90_000);
    expect(reflector.state).toEqual({ kind: 'synced' });
    await reflector.stop();
    expect(cluster.clock.pendingTimers).toBe(0);
  },
  30_000,
);

test('a selector that the server refuses is a failure', async () => {
  const cluster = virtualCluster();
  const { reflector, states } = reflect(configMaps, cluster, { labelSelector: 'a in b' });
  await cluster.pass(1000);
  expect(states).toEqual(['failing']);
  await reflector.stop();
});

test('a watch that breaks again and again without a word is a failure in the end', async () => {
  const cluster = virtualCluster();
  const { reflector, states } = reflect(configMaps, cluster);
  await cluster.settle();
  for (let i = 0; i < 3; i++) {
    cluster.server.watches[0]?.garble();
    await cluster.pass(1000);
  }
  expect(states).toEqual(['synced', 'failing']);
  cluster.server.put(configMaps, configMap('a'));
  await cluster.pass(1000);
  expect(states).toEqual(['synced', 'failing', 'synced']);
  await reflector.stop();
});

test('a watch that is silent for too long is opened anew', async () => {
  const cluster = virtualCluster();
  const { reflector, sink } = reflect(configMaps, cluster);
  await cluster.settle();
  cluster.server.watches[0]?.stall();
  cluster.server.put(configMaps, configMap('missed'));
  await cluster.pass(140_000);
  expect(sink.calls).toEqual(['replace 0']);
  await cluster.pass(20_000);
  expect(sink.calls).toEqual(['replace 0', 'put missed']);
  await reflector.stop();
});

test('a bookmark moves the place that a watch is resumed from', async () => {
  const cluster = virtualCluster();
  const { reflector, sink } = reflect(configMaps, cluster);
  await cluster.settle();
  cluster.server.put(pods, pod('elsewhere'));
  cluster.server.watches[0]?.bookmark();
  cluster.server.forgetHistory();
  await cluster.settle();
  cluster.server.watches[0]?.break(new Error('reset'));
  await cluster.pass(1000);
  expect(sink.calls).toEqual(['replace 0']);
  await reflector.stop();
});

test('a selection is asked of the server, and what leaves it is removed', async () => {
  const cluster = virtualCluster();
  const { server } = cluster;
  server.put(pods, pod('in', { labels: { app: 'vllm' } }));
  server.put(pods, pod('out', { labels: { app: 'other' } }));
  server.put(pods, pod('elsewhere', { labels: { app: 'vllm' }, namespace: 'other' }));
  const { reflector, sink } = reflect(pods, cluster, {
    namespace: 'default',
    labelSelector: 'app=vllm',
    fieldSelector: 'metadata.name!=never',
  });
  await cluster.settle();
  server.put(pods, pod('in', { labels: { app: 'other' } }));
  server.put(pods, pod('out', { labels: { app: 'vllm' } }));
  await cluster.settle();
  expect(sink.calls).toEqual(['replace 1', 'remove in', 'put out']);
  await reflector.stop();
});

test.each([
  [false, undefined],
  [true, [{ manager: 'kubelet' }]],
])('managed fields are kept: %s', async (keepManagedFields, expected) => {
  const cluster = virtualCluster();
  const managedFields = [{ manager: 'kubelet' }];
  cluster.server.put(pods, pod('listed', { managedFields }));
  const { reflector, sink } = reflect(pods, cluster, { keepManagedFields });
  await cluster.settle();
  cluster.server.put(pods, pod('watched', { managedFields }));
  await cluster.settle();
  for (const name of ['listed', 'watched']) {
    expect(sink.objects.get(name)?.metadata.managedFields).toEqual(expected);
  }
  await reflector.stop();
});

test('a transformation makes objects smaller before they are kept', async () => {
  const cluster = virtualCluster();
  cluster.server.put(pods, pod('a'));
  const { reflector, sink } = reflect(pods, cluster, {
    transform: ({ spec: _, ...rest }) => rest,
  });
  await cluster.settle();
  expect(sink.objects.get('a')).not.toHaveProperty('spec');
  await reflector.stop();
});
