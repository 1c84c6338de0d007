import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { expect, test } from 'vitest';
import { configMaps, type ConfigMap } from '../built-in-types.ts';
import {
  configMap,
  dice,
  virtualCluster,
  type VirtualCluster,
} from '../virtual-cluster.testing.ts';
import { startInformer, type InformerOptions } from './informer.ts';
import type { Change } from './object-store.ts';

const key = (name: string) => ({ name, namespace: 'default' });

const inform = (
  { client, clock }: VirtualCluster,
  options: Partial<InformerOptions<ConfigMap>> = {},
) => startInformer({ client, clock, random: dice(), type: configMaps, ...options });

const wordsOf = (changes: readonly Change<ConfigMap>[]): string[] =>
  changes.map(({ kind, object }) => `${kind} ${object.metadata.name}`);

test('a copy is read while it follows, and tells what changed and how', async () => {
  const cluster = virtualCluster();
  cluster.server.put(configMaps, configMap('a', { v: '1' }));
  await using informer = inform(cluster);
  const changes: Change<ConfigMap>[] = [];
  informer.onChange((change) => changes.push(change));
  expect([informer.hasSynced, informer.size]).toEqual([false, 0]);
  await cluster.settle();
  expect([informer.hasSynced, informer.size]).toEqual([true, 1]);
  expect(informer.get(key('a'))?.data).toEqual({ v: '1' });
  cluster.server.put(configMaps, configMap('a', { v: '2' }));
  cluster.server.remove(configMaps, key('a'));
  await cluster.settle();
  expect(changes).toMatchObject([
    { kind: 'added', object: { data: { v: '1' } } },
    { kind: 'updated', object: { data: { v: '2' } }, previous: { data: { v: '1' } } },
    { kind: 'deleted', object: { data: { v: '2' } } },
  ]);
  expect(informer.list()).toEqual([]);
});

test('a listener that comes late is told what is there, before anything else', async () => {
  const cluster = virtualCluster();
  await using informer = inform(cluster);
  cluster.server.put(configMaps, configMap('a'));
  await cluster.settle();
  const changes: Change<ConfigMap>[] = [];
  const forget = informer.onChange((change) => changes.push(change));
  expect(wordsOf(changes)).toEqual(['added a']);
  forget();
  cluster.server.put(configMaps, configMap('b'));
  await cluster.settle();
  expect(wordsOf(changes)).toEqual(['added a']);
});

test('after a gap it tells the difference and nothing else', async () => {
  const cluster = virtualCluster();
  for (const name of ['same', 'changed', 'gone']) cluster.server.put(configMaps, configMap(name));
  await using informer = inform(cluster);
  await cluster.settle();
  const changes: Change<ConfigMap>[] = [];
  informer.onChange((change) => changes.push(change));
  changes.length = 0;
  cluster.server.watches[0]?.break(new Error('reset'));
  cluster.server.put(configMaps, configMap('changed', { v: '2' }));
  cluster.server.remove(configMaps, key('gone'));
  cluster.server.put(configMaps, configMap('new'));
  cluster.server.forgetHistory();
  await cluster.pass(1000);
  expect(wordsOf(changes)).toEqual(['deleted gone', 'updated changed', 'added new']);
});

test('an object that was replaced by another of its name is two objects', async () => {
  const cluster = virtualCluster();
  cluster.server.put(configMaps, configMap('a', { v: '1' }));
  await using informer = inform(cluster);
  await cluster.settle();
  const changes: Change<ConfigMap>[] = [];
  informer.onChange((change) => changes.push(change));
  cluster.server.watches[0]?.break(new Error('reset'));
  cluster.server.remove(configMaps, key('a'));
  cluster.server.put(configMaps, configMap('a', { v: '2' }));
  cluster.server.forgetHistory();
  await cluster.pass(1000);
  expect(changes).toMatchObject([
    { kind: 'added', object: { data: { v: '1' } } },
    { kind: 'deleted', object: { data: { v: '1' } } },
    { kind: 'added', object: { data: { v: '2' } } },
  ]);
});

test('reminders come in their rhythm', async () => {
  const cluster = virtualCluster();
  cluster.server.put(configMaps, configMap('a'));
  const informer = inform(cluster, { resyncMs: 10_000 });
  await cluster.settle();
  const changes: Change<ConfigMap>[] = [];
  informer.onChange((change) => changes.push(change));
  await cluster.pass(30_000);
  expect(wordsOf(changes)).toEqual(['added a', 'resync a', 'resync a', 'resync a']);
  await informer.stop();
  expect(cluster.clock.pendingTimers).toBe(0);
});

test('a listener that fails is logged and stops nobody else', async () => {
  const cluster = virtualCluster();
  const logger = recordingLogger();
  await using informer = inform(cluster, { telemetry: { ...noopTelemetry, logger } });
  informer.onChange(() => {
    throw new Error('mine');
  });
  const changes: Change<ConfigMap>[] = [];
  informer.onChange((change) => changes.push(change));
  cluster.server.put(configMaps, configMap('a'));
  await cluster.settle();
  expect(wordsOf(changes)).toEqual(['added a']);
  expect(logger.lines).toContainEqual(expect.objectContaining({ message: 'a listener failed' }));
});

test('waiting for the first complete copy ends with it, or with its signal', async () => {
  const cluster = virtualCluster();
  cluster.server.faults.forbid(configMaps);
  await using informer = inform(cluster);
  const stop = new AbortController();
  const given = expect(informer.whenSynced(stop.signal)).rejects.toMatchObject({ code: 'ABORTED' });
  const waited = informer.whenSynced(new AbortController().signal);
  await cluster.pass(1000);
  expect(informer.hasSynced).toBe(false);
  stop.abort();
  await given;
  cluster.server.faults.allow(configMaps);
  await cluster.pass(20_000);
  await waited;
  await informer.whenSynced(stop.signal);
});

test('a stopped one says nothing more and can still be read', async () => {
  const cluster = virtualCluster();
  cluster.server.put(configMaps, configMap('a'));
  const informer = inform(cluster);
  await cluster.settle();
  await informer.stop();
  await informer.stop();
  cluster.server.put(configMaps, configMap('b'));
  await cluster.pass(1000);
  expect(informer.list().map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect(cluster.server.watches).toEqual([]);
});
