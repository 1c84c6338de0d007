import { beforeEach, describe, expect, test } from 'vitest';
import { configMaps } from '../built-in-types.ts';
import { startInformer } from '../informer/informer.ts';
import {
  configMap,
  dice,
  virtualCluster,
  type VirtualCluster,
} from '../virtual-cluster.testing.ts';

let cluster: VirtualCluster;
beforeEach(() => {
  cluster = virtualCluster();
});
const names = () => cluster.server.objects(configMaps).map(({ metadata }) => metadata.name);
const create = (name: string) =>
  cluster.client.create(configMaps, configMap(name)).then(
    () => 'done',
    (error: unknown) => (error as { code: string }).code,
  );

test('the n-th write fails, and reads are not counted', async () => {
  cluster.server.faults.inject({ kind: 'unreachable' }, { verb: 'write', skip: 2, times: 1 });
  const outcomes: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) {
    outcomes.push(await create(name));
    await cluster.client.list(configMaps);
  }
  expect(outcomes).toEqual(['done', 'done', 'KUBE_UNREACHABLE', 'done']);
  expect(names()).toEqual(['a', 'b', 'd']);
});

test('a write whose answer is lost has happened', async () => {
  cluster.server.faults.inject({ kind: 'lost' }, { verb: 'create', times: 1 });
  expect(await create('a')).toBe('KUBE_UNREACHABLE');
  expect(names()).toEqual(['a']);
});

test('a rule that waits for its turn leaves requests to others', async () => {
  cluster.server.faults.inject(
    { kind: 'status', status: 403, reason: 'Forbidden' },
    { verb: 'write' },
  );
  cluster.server.faults.inject({ kind: 'unreachable' }, { verb: 'write', skip: 1, times: 1 });
  expect([await create('a'), await create('b'), await create('c')]).toEqual([
    'KUBE_API',
    'KUBE_UNREACHABLE',
    'KUBE_API',
  ]);
});

describe('a watch', () => {
  const follow = async () => {
    const { client, clock } = cluster;
    const informer = startInformer({ client, clock, random: dice(), type: configMaps });
    await cluster.settle();
    const heard: string[] = [];
    informer.onChange(({ kind, object }) => heard.push(`${kind} ${object.metadata.name}`));
    return { heard, informer };
  };

  test('may be late, and tells things in their order all the same', async () => {
    const { heard, informer } = await follow();
    cluster.server.watchLatencyMs = 5000;
    cluster.server.put(configMaps, configMap('a'));
    await cluster.pass(1000);
    cluster.server.watchLatencyMs = 0;
    cluster.server.put(configMaps, configMap('b'));
    await cluster.pass(3000);
    expect(heard).toEqual([]);
    await cluster.pass(2000);
    expect(heard).toEqual(['added a', 'added b']);
    await informer.stop();
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test('may lose events, and then no longer knows where it was', async () => {
    const { heard, informer } = await follow();
    cluster.server.watches[0]?.lose(2);
    cluster.server.put(configMaps, configMap('a'));
    await cluster.settle();
    expect(heard).toEqual([]);
    cluster.server.put(configMaps, configMap('b'));
    await cluster.pass(1000);
    expect(heard).toEqual(['added a', 'added b']);
    await informer.stop();
  });
});
