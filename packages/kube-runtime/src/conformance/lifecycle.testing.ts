// SPDX-License-Identifier: Apache-2.0
import { inferenceObjectives } from '@llm-d/crd-types';
import { beforeEach, describe, expect, test } from 'vitest';
import { configMaps, deployments, type ConfigMap } from '../built-in-types.ts';
import type { KubeClient } from '../client/client.ts';
import { isConflict, isNotFound } from '../errors.ts';
import { configMap, objective } from '../virtual-cluster.testing.ts';

/** How objects come, grow and go. */
export function describeLifecycle(where: () => { admin: KubeClient; namespace: string }): void {
  let admin: KubeClient;
  let namespace: string;
  const key = (name: string) => ({ name, namespace });
  const within = { timeout: 20_000 };
  const make = (name: string, metadata: object = {}): Promise<ConfigMap> =>
    admin.create(configMaps, configMap(name, {}, { namespace, ...metadata }));
  const exists = (name: string): Promise<boolean> =>
    admin.get(configMaps, key(name)).then(
      () => true,
      (error: unknown) => {
        if (isNotFound(error)) return false;
        throw error;
      },
    );
  beforeEach(() => {
    ({ admin, namespace } = where());
  });

  describe('names', () => {
    test('are completed by the server where only their beginning is given', async () => {
      const given = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { generateName: 'run-', namespace },
      };
      const first = await admin.create(configMaps, given);
      const second = await admin.create(configMaps, given);
      expect(first.metadata.name).toMatch(/^run-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      expect(second.metadata.name).not.toBe(first.metadata.name);
      expect(await exists(first.metadata.name)).toBe(true);
    });
  });

  describe('generations', () => {
    test('count what is wanted, not what is noted or told', async () => {
      const made = await admin.create(inferenceObjectives, {
        ...objective('o', 1),
        metadata: key('o'),
      });
      expect(made.metadata.generation).toBe(1);
      const patch = (change: object, options = {}) =>
        admin.patch(inferenceObjectives, key('o'), change, options);
      const metadata = { labels: { a: 'b' }, finalizers: ['llm-d.ai/suite'] };
      expect((await patch({ metadata })).metadata.generation).toBe(1);
      const status = { conditions: [] };
      expect((await patch({ status }, { subresource: 'status' })).metadata.generation).toBe(1);
      expect((await patch({ spec: { priority: 2 } })).metadata.generation).toBe(2);
      await admin.delete(inferenceObjectives, key('o'));
      const dying = await admin.get(inferenceObjectives, key('o'));
      expect(dying.metadata).toMatchObject({ generation: 3, deletionGracePeriodSeconds: 0 });
      await patch({ metadata: { finalizers: null } });
    });

    test('are counted where Kubernetes counts them', async () => {
      expect((await make('a')).metadata.generation).toBeUndefined();
      const container = { name: 'main', image: 'none' };
      const made = await admin.apply(
        deployments,
        {
          metadata: key('d'),
          spec: {
            replicas: 0,
            selector: { matchLabels: { app: 'x' } },
            template: { metadata: { labels: { app: 'x' } }, spec: { containers: [container] } },
          },
        },
        { fieldManager: 'suite' },
      );
      expect(made.metadata.generation).toBe(1);
    });
  });

  describe('replacing', () => {
    test('a custom resource needs its version, a config map does not', async () => {
      const made = await admin.create(inferenceObjectives, {
        ...objective('o', 1),
        metadata: key('o'),
      });
      const { resourceVersion: _, ...metadata } = made.metadata;
      const blind = admin.update(inferenceObjectives, { ...made, metadata });
      await expect(blind).rejects.toMatchObject({ status: 422, reason: 'Invalid' });
      await make('a');
      await admin.update(configMaps, configMap('a', { v: '1' }, { namespace }));
    });

    test('another object of the same name is refused', async () => {
      const made = await make('a');
      const given = { ...made, metadata: { ...made.metadata, uid: 'another' } };
      await expect(admin.update(configMaps, given)).rejects.toSatisfy(isConflict);
      const { resourceVersion } = made.metadata;
      const stale = { metadata: { resourceVersion: '1' } };
      await expect(admin.patch(configMaps, key('a'), stale)).rejects.toSatisfy(isConflict);
      await admin.patch(configMaps, key('a'), { metadata: { resourceVersion }, data: { v: '1' } });
    });
  });

  test('nobody may hold on to an object that is on its way out', async () => {
    await make('a', { finalizers: ['llm-d.ai/suite'] });
    await admin.delete(configMaps, key('a'));
    const finalizers = ['llm-d.ai/suite', 'llm-d.ai/late'];
    const late = admin.patch(configMaps, key('a'), { metadata: { finalizers } });
    await expect(late).rejects.toMatchObject({ status: 422 });
    await admin.patch(configMaps, key('a'), { metadata: { finalizers: null } });
    expect(await exists('a')).toBe(false);
  });

  describe('what an object owns', () => {
    const owner = ({ metadata }: ConfigMap, more: object = {}) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: metadata.name,
      uid: metadata.uid ?? '',
      ...more,
    });
    const ownedBy = (...owners: readonly object[]) => ({ ownerReferences: owners });

    test('goes after it', async () => {
      const parent = await make('parent');
      const child = await make('child', ownedBy(owner(parent)));
      await make('grandchild', ownedBy(owner(child)));
      await admin.delete(configMaps, key('parent'), { propagation: 'Background' });
      await expect.poll(() => exists('grandchild'), within).toBe(false);
      expect(await exists('child')).toBe(false);
    });

    test('goes before it where that is wished', async () => {
      const parent = await make('parent');
      const finalizers = ['llm-d.ai/suite'];
      await make('child', { ...ownedBy(owner(parent, { blockOwnerDeletion: true })), finalizers });
      await make('other', ownedBy(owner(parent)));
      await admin.delete(configMaps, key('parent'), { propagation: 'Foreground' });
      const isDying = async (name: string) =>
        (await admin.get(configMaps, key(name))).metadata.deletionTimestamp !== undefined;
      await expect.poll(() => isDying('child'), within).toBe(true);
      await expect.poll(() => exists('other'), within).toBe(false);
      const { metadata } = await admin.get(configMaps, key('parent'));
      expect(metadata.finalizers).toEqual(['foregroundDeletion']);
      await admin.patch(configMaps, key('child'), { metadata: { finalizers: null } });
      await expect.poll(() => exists('parent'), within).toBe(false);
    });

    test('stays and is nobody’s where that is wished', async () => {
      const parent = await make('parent');
      await make('child', ownedBy(owner(parent)));
      await admin.delete(configMaps, key('parent'), { propagation: 'Orphan' });
      await expect.poll(() => exists('parent'), within).toBe(false);
      const child = await admin.get(configMaps, key('child'));
      expect(child.metadata.ownerReferences).toBeUndefined();
    });

    test('stays while it has another owner', async () => {
      const [first, second] = [await make('first'), await make('second')];
      await make('child', ownedBy(owner(first), owner(second)));
      await admin.delete(configMaps, key('first'));
      const owners = async () =>
        (await admin.get(configMaps, key('child'))).metadata.ownerReferences;
      await expect.poll(owners, within).toEqual([owner(second)]);
      await admin.delete(configMaps, key('second'));
      await expect.poll(() => exists('child'), within).toBe(false);
    });

    test('goes at once where the owner is another of the same name', async () => {
      const parent = await make('parent');
      await make('child', ownedBy(owner(parent, { uid: 'e8d2f0a4-0000-4000-8000-000000000000' })));
      await expect.poll(() => exists('child'), within).toBe(false);
    });
  });
}
