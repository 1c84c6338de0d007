import { inferenceObjectives, type KubeObject, type ResourceType } from '@llm-d/crd-types';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  configMaps,
  deployments,
  roles,
  secrets,
  serviceAccounts,
  services,
} from '../built-in-types.ts';
import {
  configMap,
  objective,
  virtualCluster,
  type VirtualCluster,
} from '../virtual-cluster.testing.ts';
import { applyRank } from './apply-order.ts';
import { ApplySetIncompleteError, ApplySetRefusedError } from './apply-set-errors.ts';
import { applySetId, applySetKeys } from './apply-set-id.ts';
import { createApplySet, type ApplySetOptions, type ApplySetReport } from './apply-set.ts';

const types: readonly ResourceType[] = [
  configMaps,
  services,
  serviceAccounts,
  secrets,
  roles,
  deployments,
];

const map = (name: string, data: Record<string, string> = { v: '1' }): KubeObject =>
  configMap(name, data);
const account = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: 'default' },
});
const service = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
});

const bench = (options: Partial<ApplySetOptions> = {}, name = 'model') => {
  const cluster = virtualCluster({ types: [...types, inferenceObjectives] });
  return { cluster, ...setIn(cluster, options, name) };
};

const setIn = (cluster: VirtualCluster, options: Partial<ApplySetOptions> = {}, name = 'model') => {
  const { server, client } = cluster;
  const parent = server.put(inferenceObjectives, objective(name, 1));
  const set = createApplySet({
    client,
    parent: { type: inferenceObjectives, object: parent },
    types,
    fieldManager: 'suite',
    tooling: 'suite/v1',
    ...options,
  });
  const said = () => {
    const [found] = server.objects(inferenceObjectives).filter((one) => one.metadata.name === name);
    return found?.metadata.annotations?.[applySetKeys.kinds];
  };
  return { set, parent, said };
};

const names = (cluster: VirtualCluster): string[] =>
  types
    .flatMap((type) =>
      cluster.server.objects(type).map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    )
    .sort();

const wordsOf = ({ entries }: ApplySetReport) =>
  entries.map(({ type, key, outcome }) => `${outcome} ${type.kind}/${key.name}`);

test('ids are those of the specification', () => {
  // printf 'test.ns.Secret.' | openssl dgst -sha256 -binary | base64, with - and _ and no =.
  expect(applySetId({ kind: 'Secret', group: '' }, { name: 'test', namespace: 'ns' })).toBe(
    'applyset-GqoPEZm_SHCJc3PMWA-xS1otwYJIlkF7PwbIWttPrT8-v1',
  );
  const ids = ['a.b', 'a'].map((name) =>
    applySetId({ kind: 'K', group: 'g' }, { name, namespace: 'n' }),
  );
  expect(ids[0]).not.toBe(ids[1]);
});

test('what is rendered is there, belongs to its parent and says so', async () => {
  const { cluster, set, parent, said } = bench();
  const report = await set.apply([service('s'), map('a'), account('x')]);
  expect(wordsOf(report)).toEqual([
    'created ServiceAccount/x',
    'created ConfigMap/a',
    'created Service/s',
  ]);
  const [made] = cluster.server.objects(configMaps);
  expect(made?.metadata).toMatchObject({
    labels: { [applySetKeys.partOf]: set.id },
    ownerReferences: [{ kind: 'InferenceObjective', uid: parent.metadata.uid, controller: true }],
  });
  expect(said()).toBe('ConfigMap,Service,ServiceAccount');
  const [owner] = cluster.server.objects(inferenceObjectives);
  expect(owner?.metadata.labels).toEqual({ [applySetKeys.id]: set.id });
  expect(owner?.metadata.annotations?.[applySetKeys.tooling]).toBe('suite/v1');
});

test('what is no longer rendered is pruned, in the opposite order, and its kind no longer looked for', async () => {
  const { cluster, set, said } = bench();
  await set.apply([service('s'), map('a'), map('b'), account('x')]);
  const report = await set.apply([map('a', { v: '2' })]);
  expect(wordsOf(report)).toEqual([
    'changed ConfigMap/a',
    'pruned Service/s',
    'pruned ConfigMap/b',
    'pruned ServiceAccount/x',
  ]);
  expect(names(cluster)).toEqual(['ConfigMap/a']);
  expect(said()).toBe('ConfigMap');
  await set.apply([]);
  expect(names(cluster)).toEqual([]);
  expect(said()).toBe('');
});

test('what has not changed is not written', async () => {
  const { cluster, set } = bench();
  await set.apply([map('a'), service('s')]);
  const version = cluster.server.objects(configMaps)[0]?.metadata.resourceVersion;
  const seen = cluster.server.requests.length;
  expect(wordsOf(await set.apply([map('a'), service('s')]))).toEqual([
    'unchanged ConfigMap/a',
    'unchanged Service/s',
  ]);
  expect(cluster.server.objects(configMaps)[0]?.metadata.resourceVersion).toBe(version);
  const verbs = cluster.server.requests.slice(seen).map(({ verb, plural }) => `${verb} ${plural}`);
  expect(verbs).toEqual([
    'get inferenceobjectives',
    'list configmaps',
    'list services',
    'patch configmaps',
    'patch services',
  ]);
});

test('fields of others stay, and what is no longer rendered of an object goes', async () => {
  const { cluster, set } = bench();
  await set.apply([map('a', { x: '1', y: '1' })]);
  await cluster.client.patch(
    configMaps,
    { namespace: 'default', name: 'a' },
    { data: { z: 'theirs' } },
  );
  await set.apply([map('a', { x: '1' })]);
  expect(cluster.server.objects(configMaps)[0]?.data).toEqual({ x: '1', z: 'theirs' });
});

test('a difference is told and nothing is done', async () => {
  const { cluster, set, said } = bench();
  await set.apply([map('a'), map('b'), map('same')]);
  const before = names(cluster);
  const writes = cluster.server.objects(configMaps).map(({ metadata }) => metadata.resourceVersion);
  const report = await set.diff([map('a', { v: '2' }), map('same'), service('new')]);
  expect(wordsOf(report)).toEqual([
    'changed ConfigMap/a',
    'unchanged ConfigMap/same',
    'created Service/new',
    'pruned ConfigMap/b',
  ]);
  expect(report.entries[0]).toMatchObject({
    before: { data: { v: '1' } },
    after: { data: { v: '2' } },
  });
  expect(report.entries[3]).toMatchObject({
    before: { metadata: { name: 'b' } },
    after: undefined,
  });
  expect(names(cluster)).toEqual(before);
  expect(
    cluster.server.objects(configMaps).map(({ metadata }) => metadata.resourceVersion),
  ).toEqual(writes);
  expect(said()).toBe('ConfigMap');
});

describe('whenever the program dies, the next run makes the set what it should be', () => {
  const first = [map('a'), map('b'), account('x')];
  const second = [map('a', { v: '2' }), service('s'), { ...map('c') }];

  test.each(Array.from({ length: 9 }, (_, skip) => skip))('after %d writes', async (skip) => {
    for (const kind of ['unreachable', 'lost'] as const) {
      const { cluster, set, said } = bench();
      await set.apply(first);
      cluster.server.faults.inject({ kind }, { verb: 'write', skip });
      await set.apply(second).catch(() => undefined);
      cluster.server.faults.clear();
      // What is rendered now has nothing of what the run before began with.
      await set.apply([map('a')]);
      expect(names(cluster)).toEqual(['ConfigMap/a']);
      expect(said()).toBe('ConfigMap');
    }
  });

  test('wherever it dies, whatever is rendered', async () => {
    const object = fc.oneof(
      fc.constantFrom('a', 'b', 'c').map((name) => map(name)),
      fc.constantFrom('a', 'b').map(service),
      fc.constantFrom('a', 'b').map(account),
    );
    const rendered = fc.uniqueArray(object, {
      selector: ({ kind, metadata }) => kind + metadata.name,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(rendered, fc.nat(8)), { maxLength: 5 }),
        rendered,
        async (crashes, last) => {
          const { cluster, set } = bench();
          for (const [objects, skip] of crashes) {
            cluster.server.faults.inject({ kind: 'lost' }, { verb: 'write', skip, times: 1 });
            await set.apply(objects).catch(() => undefined);
            cluster.server.faults.clear();
          }
          await set.apply(last);
          expect(names(cluster)).toEqual(
            last.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort(),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a failure', () => {
  test('of one object stops no other one, and nothing is pruned', async () => {
    const { cluster, set, said } = bench();
    await set.apply([map('old')]);
    cluster.server.faults.inject(
      { kind: 'status', status: 403, reason: 'Forbidden' },
      { verb: 'patch', plural: 'configmaps' },
    );
    const applied = set.apply([map('a'), service('s')]);
    const error: unknown = await applied.catch((reason: unknown) => reason);
    if (!(error instanceof ApplySetIncompleteError))
      throw new Error('it succeeded', { cause: error });
    expect(error.failures).toMatchObject([
      { groupKind: 'ConfigMap', key: { name: 'a' }, error: { status: 403 } },
    ]);
    expect(wordsOf(error.report)).toEqual(['created Service/s']);
    expect(names(cluster)).toEqual(['ConfigMap/old', 'Service/s']);
    expect(said()).toBe('ConfigMap,Service');
  });

  test('by a type that nobody serves is that of its objects', async () => {
    const { cluster, set } = bench();
    await set.apply([map('a'), service('s')]);
    cluster.server.removeType(services);
    await expect(set.apply([map('a'), service('s')])).rejects.toMatchObject({
      code: 'APPLY_SET_INCOMPLETE',
      failures: [{ groupKind: 'Service' }],
    });
    expect(wordsOf(await set.apply([map('a')]))).toEqual(['unchanged ConfigMap/a']);
  });

  test('by its signal ends everything', async () => {
    const { cluster, set } = bench();
    cluster.server.faults.inject({ kind: 'silence' }, { plural: 'configmaps', verb: 'patch' });
    const stop = new AbortController();
    const applied = set.apply([map('a'), service('s')], { signal: stop.signal });
    await cluster.settle();
    stop.abort();
    await expect(applied).rejects.toMatchObject({ code: 'ABORTED' });
    expect(names(cluster)).toEqual([]);
  });
});

describe('refused is', () => {
  test('an object of another set, which is left alone', async () => {
    const { cluster, set } = bench();
    await set.apply([map('a')]);
    const other = setIn(cluster, {}, 'other');
    const applied = other.set.apply([map('a', { v: 'theirs' }), map('b')]);
    await expect(applied).rejects.toMatchObject({
      failures: [{ key: { name: 'a' }, error: { code: 'APPLY_SET_REFUSED' } }],
    });
    expect(names(cluster)).toEqual(['ConfigMap/a', 'ConfigMap/b']);
    expect(cluster.server.objects(configMaps)[0]?.data).toEqual({ v: '1' });
  });

  test('an object that somebody else controls', async () => {
    const { cluster, set } = bench();
    const owner = { apiVersion: 'x/v1', kind: 'Other', name: 'o', uid: 'u', controller: true };
    cluster.server.put(configMaps, configMap('a', {}, { ownerReferences: [owner] }));
    await expect(set.apply([map('a')])).rejects.toThrow(/ConfigMap a belongs to Other o/);
  });

  test('a set of another program', async () => {
    const { cluster, set } = bench();
    await set.apply([map('a')]);
    const { client } = cluster;
    const object = cluster.server.objects(inferenceObjectives)[0] ?? set;
    const foreign = createApplySet({
      client,
      parent: { type: inferenceObjectives, object: object as KubeObject },
      types,
      fieldManager: 'suite',
      tooling: 'other/v1',
    });
    await expect(foreign.apply([])).rejects.toBeInstanceOf(ApplySetRefusedError);
    expect(names(cluster)).toEqual(['ConfigMap/a']);
  });

  test('a parent that is gone or another one by now', async () => {
    const { cluster, set } = bench();
    cluster.server.remove(inferenceObjectives, { namespace: 'default', name: 'model' });
    await expect(set.apply([map('a')])).rejects.toMatchObject({ status: 404 });
    cluster.server.put(inferenceObjectives, objective('model', 1));
    await expect(set.apply([map('a')])).rejects.toBeInstanceOf(ApplySetRefusedError);
    expect(names(cluster)).toEqual([]);
  });

  test.each<[string, KubeObject[], RegExp]>([
    ['a type that was not foreseen', [objective('o', 1)], /InferenceObjective o is of no type/],
    ['another namespace', [configMap('a', {}, { namespace: 'other' })], /not in the namespace/],
    ['the same object twice', [map('a'), map('a')], /ConfigMap\/default\/a is there twice/],
  ])('%s', async (_, objects, message) => {
    const { cluster, set } = bench();
    await expect(set.apply(objects)).rejects.toThrow(message);
    expect(cluster.server.requests).toEqual([]);
  });
});

test('members of kinds that this program does not know are left to the one that does', async () => {
  const { cluster, set } = bench();
  await set.apply([map('a'), service('s')]);
  const object = cluster.server.objects(inferenceObjectives)[0];
  if (object === undefined) throw new Error('narrowing');
  const older = createApplySet({
    client: cluster.client,
    parent: { type: inferenceObjectives, object },
    types: [configMaps],
    fieldManager: 'suite',
    tooling: 'suite/v0',
  });
  await older.apply([]);
  expect(names(cluster)).toEqual(['Service/s']);
  await set.apply([]);
  expect(names(cluster)).toEqual([]);
});

test('a member that waits for its finalizers is not deleted again', async () => {
  const { cluster, set } = bench();
  const held = { ...map('a'), metadata: { ...map('a').metadata, finalizers: ['llm-d.ai/suite'] } };
  await set.apply([held]);
  await set.apply([]);
  const version = cluster.server.objects(configMaps)[0]?.metadata.resourceVersion;
  await set.apply([service('s')]);
  expect(cluster.server.objects(configMaps)[0]?.metadata.resourceVersion).toBe(version);
});

test('identities come before what uses them, workloads before who scales them and who sends to them', () => {
  const kinds = [
    'HTTPRoute',
    'Widget',
    'Deployment',
    'RoleBinding',
    'HorizontalPodAutoscaler',
    'Role',
    'Secret',
    'Service',
    'ServiceAccount',
  ];
  const sorted = [...kinds].sort((a, b) => applyRank({ kind: a }) - applyRank({ kind: b }));
  expect(sorted).toEqual([
    'ServiceAccount',
    'Role',
    'RoleBinding',
    'Secret',
    'Service',
    'Deployment',
    'Widget',
    'HorizontalPodAutoscaler',
    'HTTPRoute',
  ]);
});
