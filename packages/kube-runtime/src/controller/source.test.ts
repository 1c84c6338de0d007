import { inferencePools } from '@llm-d/crd-types';
import { describe, expect, test } from 'vitest';
import { configMaps, deployments, type ConfigMap } from '../built-in-types.ts';
import { createIndex } from '../informer/object-index.ts';
import { startInformer } from '../informer/informer.ts';
import type { Change } from '../informer/object-store.ts';
import { configMap, dice, pod, virtualCluster } from '../virtual-cluster.testing.ts';
import { ownerKeys, ownKey, sourceOf, specChanged } from './source.ts';

const owner = (apiVersion: string, kind: string, name: string, controller?: boolean) => ({
  apiVersion,
  kind,
  name,
  uid: 'u',
  ...(controller !== undefined && { controller }),
});

describe('owners of a type', () => {
  const owned = pod('p', {
    ownerReferences: [
      owner('apps/v1', 'Deployment', 'mine', true),
      owner('apps/v1beta9', 'Deployment', 'older'),
      owner('other/v1', 'Deployment', 'foreign'),
      owner('apps/v1', 'ReplicaSet', 'other-kind'),
      owner('v1', 'ConfigMap', 'map'),
    ],
  });
  test.each([
    [deployments, {}, ['mine', 'older']],
    [deployments, { controllerOnly: true }, ['mine']],
    [configMaps, {}, ['map']],
    [inferencePools, {}, []],
  ])('are those of its group and kind', (type, options, expected) => {
    const keys = [...ownerKeys(type, options)(owned)];
    expect(keys).toEqual(expected.map((name) => ({ namespace: 'default', name })));
  });

  test('of the whole cluster have no namespace', () => {
    const type = { ...deployments, namespaced: false };
    expect([...ownerKeys(type)(owned)][0]).toEqual({ name: 'mine' });
  });
});

describe('whether the spec has changed', () => {
  const at = (metadata: object): ConfigMap => configMap('a', {}, metadata);
  const updated = (before: object, after: object): Change<ConfigMap> => ({
    kind: 'updated',
    previous: at(before),
    object: at(after),
  });
  test.each<[string, boolean, Change<ConfigMap>]>([
    ['a new object', true, { kind: 'added', object: at({ generation: 1 }) }],
    ['another generation', true, updated({ generation: 1 }, { generation: 2 })],
    ['a status', false, updated({ generation: 1 }, { generation: 1, resourceVersion: '2' })],
    ['an object without generations', true, updated({}, { resourceVersion: '2' })],
    ['a label', true, updated({ generation: 1 }, { generation: 1, labels: { a: '' } })],
    [
      'an annotation',
      true,
      updated(
        { generation: 1, annotations: { a: '1' } },
        { generation: 1, annotations: { a: '2' } },
      ),
    ],
    [
      'a deletion that waits',
      true,
      updated({ generation: 1 }, { generation: 1, deletionTimestamp: 'now' }),
    ],
  ])('%s: %s', (_, expected, change) => {
    expect(specChanged(change)).toBe(expected);
  });
});

test('a change concerns whom the object concerned and whom it does now', async () => {
  const { client, clock, server, settle } = virtualCluster();
  await using informer = startInformer({ client, clock, random: dice(), type: configMaps });
  const source = sourceOf(informer, ({ data }) => [{ name: data?.['for'] ?? '' }], {
    when: ({ object }) => object.metadata.name !== 'unseen',
  });
  const heard: string[] = [];
  const stop = source.subscribe(({ name }) => heard.push(name));
  server.put(configMaps, configMap('a', { for: 'x' }));
  server.put(configMaps, configMap('unseen', { for: 'z' }));
  await settle();
  server.put(configMaps, configMap('a', { for: 'y' }));
  await settle();
  expect(heard).toEqual(['x', 'x', 'y']);
  stop();
  server.remove(configMaps, { namespace: 'default', name: 'a' });
  await settle();
  expect(heard).toHaveLength(3);
});

test('an index says who refers to something, as of the last change', async () => {
  const { client, clock, server, settle } = virtualCluster();
  await using informer = startInformer({ client, clock, random: dice(), type: configMaps });
  using index = createIndex(informer, ({ data }) => Object.values(data ?? {}));
  const namesOf = (value: string) => index.get(value).map(({ metadata }) => metadata.name);
  server.put(configMaps, configMap('a', { x: 'base', y: 'extra' }));
  server.put(configMaps, configMap('b', { x: 'base' }));
  await settle();
  expect([namesOf('base'), namesOf('extra'), namesOf('none')]).toEqual([['a', 'b'], ['a'], []]);
  server.put(configMaps, configMap('a', { y: 'extra' }));
  server.remove(configMaps, { namespace: 'default', name: 'b' });
  await settle();
  expect([namesOf('base'), namesOf('extra')]).toEqual([[], ['a']]);
});

test('an object is its own key', () => {
  expect(ownKey(configMap('a'))).toEqual([{ namespace: 'default', name: 'a' }]);
});
