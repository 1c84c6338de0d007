// SPDX-License-Identifier: Apache-2.0
import { inferenceObjectives, type KubeObject } from '@llm-d/crd-types';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  configMaps,
  deployments,
  serviceAccounts,
  services,
  type ConfigMap,
  type Deployment,
} from '../built-in-types.ts';
import type { ApplyOptions, KubeClient } from '../client/client.ts';
import { isConflict, isNotFound, KubeApplyConflictError } from '../errors.ts';
import { fromFieldsV1, elementsOf, printed } from '../testing/field-ownership/field-set.ts';
import { configMap, objective } from '../virtual-cluster.testing.ts';

/** Who owns what: `manager/operation` with their values and items, as people write them. */
const ownersOf = ({ metadata }: KubeObject): Record<string, string[]> =>
  Object.fromEntries(
    (metadata.managedFields ?? []).map((entry) => {
      const { manager, operation, fieldsV1, subresource } = entry as {
        manager: string;
        operation: string;
        fieldsV1: object;
        subresource?: string;
      };
      const fields = [...fromFieldsV1(withoutHolders(fieldsV1))].map(printed).sort();
      return [[manager, operation, subresource].filter(Boolean).join('/'), fields];
    }),
  );

/** Fields that hold owned ones may have an owner as well; which of them do depends on how the server keeps its objects. */
function withoutHolders(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([element, inner]: [string, object]) => {
      const { '.': dot, ...rest } = inner as { '.'?: object };
      const kept = withoutHolders(rest);
      const isItem = elementsOf(element)[0]?.startsWith('k:') === true;
      return [element, dot !== undefined && isItem ? { '.': dot, ...kept } : kept];
    }),
  );
}

/** What everybody who applies relies on. */
export function describeOwnership(where: () => { admin: KubeClient; namespace: string }): void {
  describe('fields', () => {
    let admin: KubeClient;
    let namespace: string;
    const key = (name: string) => ({ name, namespace });
    beforeEach(() => {
      ({ admin, namespace } = where());
    });

    const applyMap = (
      fieldManager: string,
      data: Record<string, string>,
      options: Partial<ApplyOptions> = {},
    ): Promise<ConfigMap> =>
      admin.apply(configMaps, { metadata: key('a'), data }, { fieldManager, ...options });

    const failureOf = async (given: Promise<unknown>): Promise<KubeApplyConflictError> => {
      const error: unknown = await given.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (!(error instanceof KubeApplyConflictError))
        throw new Error('no conflict', { cause: error });
      return error;
    };

    test('belong to who applied them, and nobody else changes them unasked', async () => {
      expect(ownersOf(await applyMap('one', { x: '1', y: '1' }))).toEqual({
        'one/Apply': ['.data.x', '.data.y'],
      });
      const error = await failureOf(applyMap('two', { x: '2', y: '2', z: '2' }));
      expect(isConflict(error)).toBe(true);
      expect(error).toMatchObject({ code: 'KUBE_APPLY_CONFLICT', reason: 'Conflict', status: 409 });
      expect(error.conflicts).toEqual([
        { manager: 'one', field: '.data.x', subresource: '' },
        { manager: 'one', field: '.data.y', subresource: '' },
      ]);
      expect(error.message).toMatch(
        /Apply failed with 2 conflicts: conflicts with "one":\n- \.data\.x\n- \.data\.y$/,
      );
      expect((await admin.get(configMaps, key('a'))).data).toEqual({ x: '1', y: '1' });
    });

    test('can be taken by force', async () => {
      await applyMap('one', { x: '1', y: '1' });
      const taken = await applyMap('two', { x: '2' }, { force: true });
      expect(taken.data).toEqual({ x: '2', y: '1' });
      expect(ownersOf(taken)).toEqual({ 'one/Apply': ['.data.y'], 'two/Apply': ['.data.x'] });
      const error = await failureOf(applyMap('one', { x: '1', y: '1' }));
      expect(error.conflicts).toMatchObject([{ manager: 'two', field: '.data.x' }]);
      expect(error.message).toMatch(
        /Apply failed with 1 conflict: conflict with "two": \.data\.x$/,
      );
    });

    test('that several apply alike belong to all of them', async () => {
      await applyMap('one', { x: '1', y: '1' });
      const shared = await applyMap('two', { x: '1' });
      expect(ownersOf(shared)).toMatchObject({ 'two/Apply': ['.data.x'] });
      const left = await applyMap('one', { y: '1' });
      expect(left.data).toEqual({ x: '1', y: '1' });
      expect((await applyMap('one', {})).data).toEqual({ x: '1' });
      const nothing = await applyMap('two', {});
      expect(nothing.data ?? {}).toEqual({});
    });

    test('that are written otherwise belong to the writer', async () => {
      await applyMap('one', { x: '1', y: '1' });
      const patched = await admin.patch(
        configMaps,
        key('a'),
        { data: { x: '2', z: '2' } },
        { fieldManager: 'hand' },
      );
      expect(ownersOf(patched)).toEqual({
        'one/Apply': ['.data.y'],
        'hand/Update': ['.data.x', '.data.z'],
      });
      const error = await failureOf(applyMap('one', { x: '1', y: '1' }));
      expect(error.conflicts).toEqual([{ manager: 'hand', field: '.data.x', subresource: '' }]);
      expect((await applyMap('one', {})).data).toEqual({ x: '2', z: '2' });
      const forced = await applyMap('one', { x: '1' }, { force: true });
      expect(ownersOf(forced)).toEqual({ 'one/Apply': ['.data.x'], 'hand/Update': ['.data.z'] });
    });

    test('that a writer removed belong to nobody', async () => {
      await applyMap('one', { x: '1', y: '1' });
      const patched = await admin.patch(
        configMaps,
        key('a'),
        { data: { x: null } },
        { fieldManager: 'hand' },
      );
      expect(ownersOf(patched)).toEqual({ 'one/Apply': ['.data.y'] });
      expect((await applyMap('one', { x: '1', y: '1' })).data).toEqual({ x: '1', y: '1' });
    });

    test('of an object that was created belong to its creator', async () => {
      const labels = { app: 'x' };
      const given = configMap(
        'a',
        { x: '1' },
        { namespace, labels, finalizers: ['llm-d.ai/suite'] },
      );
      const made = await admin.create(configMaps, given, { fieldManager: 'maker' });
      expect(ownersOf(made)).toEqual({
        'maker/Update': [
          '.data.x',
          '.metadata.finalizers[="llm-d.ai/suite"]',
          '.metadata.labels.app',
        ],
      });
      await admin.patch(configMaps, key('a'), { metadata: { finalizers: null } });
    });

    test('need not change for an apply to succeed, and then nothing does', async () => {
      const first = await applyMap('one', { x: '1' });
      const second = await applyMap('one', { x: '1' });
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    });

    test('are not changed by a dry run, which says what would be', async () => {
      await applyMap('one', { x: '1' });
      const tried = await applyMap('one', { x: '2' }, { dryRun: true });
      expect(tried.data).toEqual({ x: '2' });
      expect((await admin.get(configMaps, key('a'))).data).toEqual({ x: '1' });
      await failureOf(applyMap('two', { x: '2' }, { dryRun: true }));
    });

    test('of an object that is gone are not applied where it was meant', async () => {
      const { metadata } = await applyMap('one', { x: '1' });
      const uid = metadata.uid ?? '';
      const again = () =>
        admin.apply(configMaps, { metadata: { ...key('a'), uid } }, { fieldManager: 'one' });
      expect((await again()).data ?? {}).toEqual({});
      await admin.delete(configMaps, key('a'));
      await expect(again()).rejects.toSatisfy(isConflict);
      await expect(admin.get(configMaps, key('a'))).rejects.toSatisfy(isNotFound);
      await applyMap('one', { x: '1' });
      await expect(again()).rejects.toMatchObject({ status: 422, reason: 'Invalid' });
    });

    test('are applied only to the version that is meant', async () => {
      const { metadata } = await applyMap('one', { x: '1' });
      await applyMap('one', { x: '2' });
      const { resourceVersion = '' } = metadata;
      const late = admin.apply(
        configMaps,
        { metadata: { ...key('a'), resourceVersion }, data: { x: '3' } },
        { fieldManager: 'one' },
      );
      await expect(late).rejects.toSatisfy(isConflict);
      await expect(late).rejects.not.toBeInstanceOf(KubeApplyConflictError);
    });

    test('cannot be given away by who applies', async () => {
      const metadata = { ...key('a'), managedFields: [{}] };
      const given = admin.apply(configMaps, { metadata }, { fieldManager: 'one' });
      await expect(given).rejects.toMatchObject({ status: 400 });
    });

    test('can be made nobody’s', async () => {
      await applyMap('one', { x: '1' });
      const metadata = { managedFields: [{}] };
      const freed = await admin.patch(configMaps, key('a'), { metadata }, { fieldManager: 'hand' });
      expect(ownersOf(freed)['one/Apply']).toBeUndefined();
      await admin.patch(configMaps, key('a'), { metadata }, { fieldManager: 'hand' });
    });

    const service = (fieldManager: string, spec: object, options: Partial<ApplyOptions> = {}) =>
      admin.apply(
        services,
        { metadata: key('s'), spec },
        {
          fieldManager,
          ...options,
        },
      );

    test('that are one whole are replaced as such', async () => {
      const ports = [{ port: 80 }];
      await service('one', { ports, selector: { app: 'x', role: 'y' } });
      const error = await failureOf(service('two', { selector: { app: 'z' } }));
      expect(error.conflicts).toEqual([
        { manager: 'one', field: '.spec.selector', subresource: '' },
      ]);
      const forced = await service('two', { selector: { app: 'z' } }, { force: true });
      expect(forced).toMatchObject({ spec: { selector: { app: 'z' } } });
      expect(ownersOf(forced)['two/Apply']).toEqual(['.spec.selector']);
    });

    test('of items are told apart by the keys of the items, with their defaults', async () => {
      await service('one', { ports: [{ port: 80, name: 'http' }] });
      const added = await service('two', {
        ports: [{ port: 80, protocol: 'UDP', name: 'dns' }],
      });
      expect(added).toMatchObject({
        spec: {
          ports: [
            { port: 80, name: 'http' },
            { port: 80, protocol: 'UDP', name: 'dns' },
          ],
        },
      });
      expect(ownersOf(added)['one/Apply']).toEqual([
        '.spec.ports[port=80,protocol="TCP"]',
        '.spec.ports[port=80,protocol="TCP"].name',
        '.spec.ports[port=80,protocol="TCP"].port',
      ]);
      const error = await failureOf(service('two', { ports: [{ port: 80, name: 'web' }] }));
      expect(error.conflicts).toMatchObject([
        { field: '.spec.ports[port=80,protocol="TCP"].name' },
      ]);
    });

    const containers = (...given: readonly object[]): Pick<Deployment, 'spec'> =>
      ({
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: 'x' } },
          template: { metadata: { labels: { app: 'x' } }, spec: { containers: given } },
        },
      }) as unknown as Pick<Deployment, 'spec'>;

    const deploy = (
      fieldManager: string,
      { spec }: Pick<Deployment, 'spec'>,
      options: Partial<ApplyOptions> = {},
    ) =>
      admin.apply(
        deployments,
        {
          metadata: key('d'),
          ...(spec !== undefined && { spec }),
        },
        { fieldManager, ...options },
      );

    const namesOf = ({ spec }: Deployment) =>
      spec?.template.spec?.containers.map(({ name }) => name);

    test('of containers are told apart by their names, and go with who applied them', async () => {
      const engine = {
        name: 'engine',
        image: 'vllm',
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '1' },
        ],
      };
      await deploy('one', containers(engine));
      const both = await deploy('two', containers({ name: 'proxy', image: 'proxy' }));
      expect(namesOf(both)).toEqual(['engine', 'proxy']);
      const fewer = {
        ...engine,
        env: [
          { name: 'B', value: '1' },
          { name: 'C', value: '1' },
        ],
      };
      const changed = await deploy('one', containers(fewer));
      expect(changed.spec?.template.spec?.containers[0]?.env).toEqual(fewer.env);
      expect(namesOf(changed)).toEqual(['engine', 'proxy']);
      const alone = await deploy('two', containers());
      expect(namesOf(alone)).toEqual(['engine']);
    });

    test('of a list have the order of who applied last', async () => {
      const named = (name: string) => ({ name, image: 'none' });
      await deploy('one', containers(named('a'), named('b'), named('c')));
      const added = await deploy('two', containers(named('x')));
      expect(namesOf(added)).toEqual(['a', 'b', 'c', 'x']);
      const turned = await deploy('one', containers(named('c'), named('a'), named('d')));
      expect(namesOf(turned)).toEqual(['c', 'x', 'a', 'd']);
    });

    test('of a container that a writer changed go with it all the same', async () => {
      const engine = { name: 'engine', image: 'vllm' };
      const first = await deploy('one', containers(engine, { name: 'old', image: 'none' }));
      const given = first.spec?.template.spec?.containers ?? [];
      const patch = {
        spec: {
          template: { spec: { containers: given.map((one) => ({ ...one, image: 'hand' })) } },
        },
      };
      const patched = await admin.patch(deployments, key('d'), patch, { fieldManager: 'hand' });
      expect(ownersOf(patched)['hand/Update']).toEqual([
        '.spec.template.spec.containers[name="engine"].image',
        '.spec.template.spec.containers[name="old"].image',
      ]);
      const after = await deploy('one', containers(engine), { force: true });
      expect(namesOf(after)).toEqual(['engine']);
    });

    test('that nobody applies any more leave no empty place behind', async () => {
      const probe = { readinessProbe: { httpGet: { path: '/health', port: 80 } } };
      await deploy('one', containers({ name: 'engine', image: 'vllm', ...probe }));
      const after = await deploy('one', containers({ name: 'engine', image: 'vllm' }));
      expect(after.spec?.template.spec?.containers[0]).not.toHaveProperty('readinessProbe');
    });

    test('of owners are told apart by their uid', async () => {
      const { metadata } = await admin.create(configMaps, configMap('owner', {}, { namespace }));
      const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: metadata.uid ?? '' };
      const given = { metadata: { ...key('sa'), ownerReferences: [owner] } };
      const made = await admin.apply(serviceAccounts, given, { fieldManager: 'one' });
      expect(ownersOf(made)['one/Apply']).toEqual([
        `.metadata.ownerReferences[uid="${owner.uid}"]`,
      ]);
      const freed = await admin.apply(
        serviceAccounts,
        { metadata: key('sa') },
        { fieldManager: 'one' },
      );
      expect(freed.metadata.ownerReferences).toBeUndefined();
    });

    describe('of the status', () => {
      const condition = (type: string, status: 'True' | 'False') => ({
        type,
        status,
        reason: 'Suite',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      });
      const tell = (fieldManager: string, ...conditions: object[]) =>
        admin.apply(
          inferenceObjectives,
          {
            metadata: key('o'),
            status: { conditions },
          },
          { fieldManager, subresource: 'status' },
        );
      const applySpec = (priority: number) =>
        admin.apply(
          inferenceObjectives,
          { metadata: key('o'), spec: { ...objective('o', priority).spec } },
          { fieldManager: 'author' },
        );

      test('belong to who told it, apart from the rest', async () => {
        await applySpec(1);
        const told = await tell('one', condition('Accepted', 'True'));
        expect(Object.keys(ownersOf(told)).sort()).toEqual(['author/Apply', 'one/Apply/status']);
        expect(ownersOf(told)['author/Apply']).not.toContain('.status');
        const again = await applySpec(2);
        expect(again).toMatchObject({
          spec: { priority: 2 },
          status: { conditions: [{ type: 'Accepted' }] },
        });
        const both = await tell('two', condition('Ready', 'False'));
        expect(both.status?.conditions.map(({ type }) => type)).toEqual(['Accepted', 'Ready']);
        const error = await failureOf(tell('two', condition('Accepted', 'False')));
        expect(error.conflicts[0]).toEqual({
          manager: 'one',
          field: '.status.conditions[type="Accepted"].status',
          subresource: 'status',
        });
        const left = await tell('one');
        expect(left.status?.conditions.map(({ type }) => type)).toEqual(['Ready']);
      });

      test('are not told of what is not there', async () => {
        await expect(tell('one', condition('Accepted', 'True'))).rejects.toSatisfy(isNotFound);
      });
    });
  });
}
