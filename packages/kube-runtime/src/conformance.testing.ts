// SPDX-License-Identifier: Apache-2.0
import { inferenceObjectives, type InferenceObjective, type ResourceType } from '@llm-d/crd-types';
import { systemClock, systemRandom, VirtualClock } from '@llm-d/determinism';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAccessReviewer } from './access/access-reviewer.ts';
import {
  configMaps,
  deployments,
  horizontalPodAutoscalers,
  leases,
  namespaces,
  pods,
  recordedEvents,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
  services,
  type ConfigMap,
} from './built-in-types.ts';
import type { KubeClient } from './client/client.ts';
import type { WatchEvent } from './client/watch.ts';
import { describeControlling } from './conformance/controlling.testing.ts';
import { describeLifecycle } from './conformance/lifecycle.testing.ts';
import { describeOwnership } from './conformance/ownership.testing.ts';
import { isConflict, isExpired, isNotFound, KubeApiError } from './errors.ts';
import { startInformer } from './informer/informer.ts';
import { startLeaderElection } from './leader-election/leader-election.ts';
import { configMap, dice, objective } from './virtual-cluster.testing.ts';

/** An API server that the suite may do with as it likes; InferenceObjectives are served, and garbage is collected. */
export interface ConformanceTarget {
  /** A client that may do everything. */
  readonly admin: KubeClient;
  /** A token of a member of `system:masters`. */
  readonly token: string;
  /** A client that may do nothing, and how to let it read config maps. */
  stranger(): Promise<{ readonly client: KubeClient; readonly allow: () => Promise<void> }>;
  /** Serves a copy of InferenceObjective in another group from now on. */
  serve(type: typeof inferenceObjectives): Promise<void>;
}

/** What the suite needs to be served. */
export const conformanceTypes: readonly ResourceType[] = [
  configMaps,
  deployments,
  horizontalPodAutoscalers,
  leases,
  namespaces,
  pods,
  recordedEvents,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
  services,
  inferenceObjectives,
];

let counter = 0;

/** What everybody who talks to an API server relies on. */
export function describeConformance(title: string, target: () => ConformanceTarget): void {
  describe(title, { timeout: 60_000 }, () => {
    let admin: KubeClient;
    let namespace: string;
    const named = (name: string, data?: Record<string, string>, metadata: object = {}): ConfigMap =>
      configMap(name, data, { namespace, ...metadata });
    const key = (name: string) => ({ name, namespace });

    beforeEach(async () => {
      admin = target().admin;
      namespace = `suite-${++counter}`;
      await admin.create(namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace },
      });
    });

    describe('objects', () => {
      test('are created, read, replaced and deleted', async () => {
        const created = await admin.create(configMaps, named('a', { v: '1' }));
        expect(created.metadata).toMatchObject({ name: 'a', namespace });
        expect(created.metadata.uid).toBeTypeOf('string');
        expect(await admin.get(configMaps, key('a'))).toMatchObject({ data: { v: '1' } });
        const updated = await admin.update(configMaps, { ...created, data: { v: '2' } });
        expect(updated.metadata.uid).toBe(created.metadata.uid);
        expect(updated.metadata.resourceVersion).not.toBe(created.metadata.resourceVersion);
        await admin.delete(configMaps, key('a'));
        await expect(admin.get(configMaps, key('a'))).rejects.toSatisfy(isNotFound);
      });

      test('exist once, and are replaced only by those who know the latest', async () => {
        const first = await admin.create(configMaps, named('a'));
        await expect(admin.create(configMaps, named('a'))).rejects.toMatchObject({
          status: 409,
          reason: 'AlreadyExists',
        });
        await admin.update(configMaps, { ...first, data: { v: '2' } });
        const late = admin.update(configMaps, { ...first, data: { v: '3' } });
        await expect(late).rejects.toSatisfy(isConflict);
        await expect(late).rejects.toMatchObject({ reason: 'Conflict' });
      });

      test('keep their version when nothing changes', async () => {
        const created = await admin.create(configMaps, named('a', { v: '1' }));
        const same = await admin.update(configMaps, created);
        expect(same.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
      });

      test('are merged into', async () => {
        await admin.create(configMaps, named('a', { keep: '1', drop: '2' }));
        const patched = await admin.patch(configMaps, key('a'), { data: { drop: null, add: '3' } });
        expect(patched.data).toEqual({ keep: '1', add: '3' });
      });

      test('are applied, whether they exist or not', async () => {
        const apply = (data: Record<string, string>) =>
          admin.apply(
            configMaps,
            { metadata: key('a'), data },
            { fieldManager: 'suite', force: true },
          );
        expect((await apply({ v: '1' })).data).toEqual({ v: '1' });
        expect((await apply({ v: '2' })).data).toEqual({ v: '2' });
      });

      test('are only tried out in a dry run', async () => {
        await admin.create(configMaps, named('a'), { dryRun: true });
        await expect(admin.get(configMaps, key('a'))).rejects.toSatisfy(isNotFound);
      });

      test('are deleted only if they are the ones that are meant', async () => {
        const { metadata } = await admin.create(configMaps, named('a'));
        const wrong = admin.delete(configMaps, key('a'), { uid: 'another' });
        await expect(wrong).rejects.toSatisfy(isConflict);
        if (metadata.uid === undefined) throw new Error('narrowing');
        await admin.delete(configMaps, key('a'), { uid: metadata.uid });
      });

      test('with finalizers wait for them', async () => {
        const created = await admin.create(
          configMaps,
          named('a', {}, { finalizers: ['llm-d.ai/suite'] }),
        );
        await admin.delete(configMaps, key('a'));
        const dying = await admin.get(configMaps, key('a'));
        expect(dying.metadata.deletionTimestamp).toBeTypeOf('string');
        expect(dying.metadata.uid).toBe(created.metadata.uid);
        await admin.patch(configMaps, key('a'), { metadata: { finalizers: null } });
        await expect(admin.get(configMaps, key('a'))).rejects.toSatisfy(isNotFound);
      });

      test('have their status beside the rest', async () => {
        const given = objective('a', 1);
        const made = await admin.create(inferenceObjectives, {
          ...given,
          metadata: key('a'),
          status: { conditions: [] },
        });
        expect(made.status).toBeUndefined();
        expect(made.metadata.generation).toBe(1);
        const conditions = [
          {
            type: 'Accepted',
            status: 'True' as const,
            reason: 'Accepted',
            message: '',
            lastTransitionTime: '2026-01-01T00:00:00Z',
          },
        ];
        const told = await admin.update(
          inferenceObjectives,
          { ...made, spec: objective('a', 2).spec, status: { conditions } } as InferenceObjective,
          { subresource: 'status' },
        );
        expect(told).toMatchObject({ spec: { priority: 1 }, status: { conditions } });
        const patch = { spec: { priority: 3 }, status: { conditions: [] } };
        const changed = await admin.patch(inferenceObjectives, key('a'), patch);
        expect(changed).toMatchObject({
          spec: { priority: 3 },
          status: { conditions },
          metadata: { generation: 2 },
        });
      });
    });

    const where = () => ({ admin, namespace });
    describeLifecycle(where);
    describeOwnership(where);
    describeControlling(where);

    describe('lists', () => {
      const namesOf = (objects: readonly ConfigMap[]) => objects.map((o) => o.metadata.name).sort();

      test('come in pages of one version', async () => {
        for (const name of ['a', 'b', 'c']) await admin.create(configMaps, named(name));
        // A service account controller puts a certificate into every namespace.
        const fieldSelector = 'metadata.name!=kube-root-ca.crt';
        const first = await admin.list(configMaps, { namespace, fieldSelector, limit: 2 });
        expect(first.items).toHaveLength(2);
        expect(first.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
        await admin.create(configMaps, named('late'));
        const second = await admin.list(configMaps, {
          namespace,
          fieldSelector,
          limit: 2,
          continue: first.continue ?? '',
        });
        expect(namesOf([...first.items, ...second.items])).toEqual(['a', 'b', 'c']);
        expect(second.continue).toBeUndefined();
        expect(second.resourceVersion).toBe(first.resourceVersion);
      });

      test.each([
        [{ labelSelector: 'role=x' }, ['a']],
        [{ labelSelector: 'role!=x,role' }, ['b']],
        [{ labelSelector: 'role in (x, y)' }, ['a', 'b']],
        [{ labelSelector: 'role notin (x),!other' }, ['b', 'c']],
        [{ fieldSelector: 'metadata.name=c' }, ['c']],
      ])('select by %o', async (selection, expected) => {
        await admin.create(configMaps, named('a', {}, { labels: { role: 'x', other: '' } }));
        await admin.create(configMaps, named('b', {}, { labels: { role: 'y' } }));
        await admin.create(configMaps, named('c', {}, { labels: {} }));
        const { items } = await admin.list(configMaps, { namespace, ...selection });
        expect(namesOf(items).filter((name) => name !== 'kube-root-ca.crt')).toEqual(expected);
      });

      test('refuse a selector that means nothing', async () => {
        const listed = admin.list(configMaps, { namespace, labelSelector: 'a in b' });
        await expect(listed).rejects.toMatchObject({ status: 400 });
      });
    });

    describe('watches', () => {
      /** The first `count` events that are not bookmarks. */
      const take = async (
        events: AsyncIterable<WatchEvent<ConfigMap>>,
        count: number,
      ): Promise<string[]> => {
        const taken: string[] = [];
        for await (const event of events) {
          if (event.type === 'BOOKMARK') {
            if (event.initialEventsEnd) taken.push('END');
          } else {
            taken.push(`${event.type} ${event.object.metadata.name}`);
          }
          if (taken.length === count) return taken;
        }
        return taken;
      };
      const labelSelector = 'app=suite';
      const labels = { app: 'suite' };

      test('begin where a list ended', async () => {
        await admin.create(configMaps, named('before', {}, { labels }));
        const { resourceVersion } = await admin.list(configMaps, { namespace });
        await admin.create(configMaps, named('a', {}, { labels }));
        await admin.patch(configMaps, key('a'), { data: { v: '1' } });
        await admin.delete(configMaps, key('a'));
        const events = admin.watch(configMaps, { namespace, labelSelector, resourceVersion });
        expect(await take(events, 3)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
      });

      test('see objects come into their selection and leave it', async () => {
        await admin.create(configMaps, named('a'));
        const { resourceVersion } = await admin.list(configMaps, { namespace });
        await admin.patch(configMaps, key('a'), { metadata: { labels } });
        await admin.patch(configMaps, key('a'), { metadata: { labels: null } });
        const events = admin.watch(configMaps, { namespace, labelSelector, resourceVersion });
        expect(await take(events, 2)).toEqual(['ADDED a', 'DELETED a']);
      });

      test('stream a list and say where it ends', async () => {
        await admin.create(configMaps, named('a', {}, { labels }));
        const events = admin.watch(configMaps, {
          namespace,
          labelSelector,
          sendInitialEvents: true,
        });
        expect(await take(events, 2)).toEqual(['ADDED a', 'END']);
      });

      test('refuse a place that is forgotten', async () => {
        // Of a type that is younger than that, so that no real server has ever known it.
        const events = admin.watch(inferenceObjectives, { namespace, resourceVersion: '1' });
        await expect(events[Symbol.asyncIterator]().next()).rejects.toSatisfy(isExpired);
      });

      test('end after the time that was asked for', async () => {
        const { resourceVersion } = await admin.list(configMaps, { namespace });
        const events = admin.watch(configMaps, {
          namespace,
          labelSelector,
          resourceVersion,
          timeoutSeconds: 1,
        });
        expect(await take(events, 1)).toEqual([]);
      });
    });

    describe('an informer', () => {
      const inform = (client: KubeClient) =>
        startInformer({
          client,
          type: configMaps,
          namespace,
          labelSelector: 'app=suite',
          clock: systemClock,
          random: systemRandom,
          pageSize: 2,
          absentRetryMs: 100,
        });
      const labels = { app: 'suite' };
      const within = { timeout: 20_000 };

      test('follows a collection', async () => {
        for (const name of ['a', 'b', 'c']) {
          await admin.create(configMaps, named(name, {}, { labels }));
        }
        await using informer = inform(admin);
        await informer.whenSynced(AbortSignal.timeout(20_000));
        expect(informer.size).toBe(3);
        expect(informer.get(key('a'))?.metadata).not.toHaveProperty('managedFields');
        const heard: string[] = [];
        informer.onChange(({ kind, object }) => heard.push(`${kind} ${object.metadata.name}`));
        heard.length = 0;
        await admin.patch(configMaps, key('a'), { data: { v: '2' } });
        await admin.delete(configMaps, key('b'));
        await admin.create(configMaps, named('d', {}, { labels }));
        await expect.poll(() => heard, within).toEqual(['updated a', 'deleted b', 'added d']);
        expect(informer.state).toEqual({ kind: 'synced' });
      });

      test('waits for its permission', async () => {
        await admin.create(configMaps, named('a', {}, { labels }));
        const { client, allow } = await target().stranger();
        await using informer = inform(client);
        await expect
          .poll(() => informer.state, within)
          .toMatchObject({ kind: 'degraded', reason: 'forbidden' });
        await allow();
        await expect.poll(() => informer.size, within).toBe(1);
        expect(informer.state).toEqual({ kind: 'synced' });
      });

      test('waits for its CustomResourceDefinition', async () => {
        const type = { ...inferenceObjectives, group: `late-${counter}.llm-d.ai` };
        await using informer = startInformer({
          client: admin,
          type,
          namespace,
          clock: systemClock,
          random: systemRandom,
          absentRetryMs: 100,
        });
        await expect
          .poll(() => informer.state, within)
          .toMatchObject({ kind: 'degraded', reason: 'missing' });
        await target().serve(type);
        await admin.create(type, {
          ...objective('a', 1),
          apiVersion: `${type.group}/${type.version}`,
          metadata: key('a'),
        });
        await expect.poll(() => informer.size, within).toBe(1);
        expect(informer.state).toEqual({ kind: 'synced' });
      });
    });

    describe('a lease', () => {
      let clock: VirtualClock;
      beforeEach(() => {
        clock = new VirtualClock({ epochMs: Date.UTC(2026, 0, 1) });
      });
      afterEach(() => {
        expect(clock.pendingTimers).toBe(0);
      });
      const stand = (identity: string) =>
        startLeaderElection({
          client: admin,
          lease: { name: 'suite', namespace },
          identity,
          clock,
          random: dice(),
        });
      /** Lets the elections' time pass, with real time for real answers. */
      const until = (condition: () => boolean) =>
        expect
          .poll(
            () => {
              clock.advance(500);
              return condition();
            },
            { timeout: 20_000 },
          )
          .toBe(true);

      test('has one leader, and another when that lets go', async () => {
        const a = stand('a');
        await until(() => a.leadership.kind === 'leader');
        const b = stand('b');
        await until(() => b.leadership.kind === 'follower' && b.leadership.leader === 'a');
        await a.stop();
        await until(() => b.leadership.kind === 'leader');
        expect(b.leadership).toEqual({ kind: 'leader', term: 1 });
        const { spec } = await admin.get(leases, { name: 'suite', namespace });
        expect(spec).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 15 });
        expect(spec?.renewTime).toMatch(/^2026-01-01T00:\d\d:\d\d\.\d{6}Z$/);
        await b.stop();
      });
    });

    describe('reviews', () => {
      test('say who somebody is and what they may get', async () => {
        const reviewer = createAccessReviewer({ client: admin, clock: systemClock });
        const verdict = await reviewer.reviewToken(target().token);
        if (!verdict.authenticated) throw new Error(verdict.reason);
        expect(verdict.user.groups).toContain('system:masters');
        expect(await reviewer.mayGet(verdict.user, '/metrics')).toBe(true);
        const stranger = { username: 'nobody', uid: '', groups: [], extra: {} };
        expect(await reviewer.mayGet(stranger, '/metrics')).toBe(false);
        expect(await reviewer.reviewToken('nonsense')).toMatchObject({ authenticated: false });
      });
    });

    test('a type that nobody serves is not found', async () => {
      const type = { ...configMaps, group: 'nobody.llm-d.ai' };
      const listed = admin.list(type, { namespace });
      await expect(listed).rejects.toBeInstanceOf(KubeApiError);
      await expect(listed).rejects.toSatisfy(isNotFound);
    });
  });
}
