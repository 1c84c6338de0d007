import { expect, test } from 'vitest';
import { configMaps, pods } from '../built-in-types.ts';
import { configMap, pod, virtualCluster } from '../virtual-cluster.testing.ts';

const key = { namespace: 'default', name: 'p' };
const owned = (kind: string, uid: string) =>
  pod('p', {
    ownerReferences: [
      { apiVersion: kind === 'ConfigMap' ? 'v1' : 'apps/v1', kind, name: 'o', uid },
    ],
  });

test('what an object of a type owns that nobody serves is left alone', () => {
  const { server } = virtualCluster();
  server.put(pods, owned('ReplicaSet', 'u'));
  expect(server.objects(pods)).toHaveLength(1);
});

test('what loses its owner goes, also when the owner was removed from outside', () => {
  const { server } = virtualCluster();
  const owner = server.put(configMaps, configMap('o'));
  server.put(pods, owned('ConfigMap', owner.metadata.uid ?? ''));
  server.remove(configMaps, { ...key, name: 'o' });
  expect(server.objects(pods)).toEqual([]);
});

test('nothing goes where nobody collects', () => {
  const { server } = virtualCluster({ collectGarbage: false });
  server.put(pods, owned('ConfigMap', 'u'));
  expect(server.objects(pods)).toHaveLength(1);
});
