// SPDX-License-Identifier: Apache-2.0
import {
  inferenceObjectives,
  type InferenceObjective,
  type KubeObject,
  type ResourceType,
} from '@llm-d/crd-types';
import { systemClock, systemRandom } from '@llm-d/determinism';
import { beforeEach, describe, expect, test } from 'vitest';
import { createApplySet } from '../apply-set/apply-set.ts';
import { applySetKeys } from '../apply-set/apply-set-id.ts';
import {
  configMaps,
  deployments,
  horizontalPodAutoscalers,
  recordedEvents,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
  services,
} from '../built-in-types.ts';
import type { KubeClient } from '../client/client.ts';
import { isNotFound } from '../errors.ts';
import { startController } from '../controller/controller.ts';
import { ownerKeys, ownKey, sourceOf } from '../controller/source.ts';
import { createEventRecorder } from '../events/event-recorder.ts';
import { startInformer } from '../informer/informer.ts';
import { configMap, objective } from '../virtual-cluster.testing.ts';

const types = [
  configMaps,
  deployments,
  horizontalPodAutoscalers,
  roleBindings,
  roles,
  secrets,
  serviceAccounts,
  services,
];

/** What controllers are made of, together. */
export function describeControlling(where: () => { admin: KubeClient; namespace: string }): void {
  let admin: KubeClient;
  let namespace: string;
  const key = (name: string) => ({ name, namespace });
  const within = { timeout: 20_000 };
  beforeEach(() => {
    ({ admin, namespace } = where());
  });

  const makeParent = (name = 'model'): Promise<InferenceObjective> =>
    admin.create(inferenceObjectives, { ...objective(name, 1), metadata: key(name) });

  const setOf = (object: KubeObject, type: ResourceType = inferenceObjectives) =>
    createApplySet({
      client: admin,
      parent: { type, object },
      types,
      fieldManager: 'suite',
      tooling: 'suite/v1',
    });

  /** What a model service is rendered to, more or less. */
  const rendered = (replicas: number): KubeObject[] => {
    const labels = { app: 'engine' };
    const named = (apiVersion: string, kind: string, rest: object): KubeObject => ({
      apiVersion,
      kind,
      metadata: { ...key('engine'), labels },
      ...rest,
    });
    const rbac = 'rbac.authorization.k8s.io';
    const containers = [
      {
        name: 'engine',
        image: 'none',
        env: [{ name: 'A', value: '1' }],
        ports: [{ containerPort: 8000 }],
      },
    ];
    return [
      named('autoscaling/v2', 'HorizontalPodAutoscaler', {
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'engine' },
          maxReplicas: 3,
        },
      }),
      named('apps/v1', 'Deployment', {
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { serviceAccountName: 'engine', containers } },
        },
      }),
      named('v1', 'Service', {
        spec: { selector: labels, ports: [{ port: 80, targetPort: 8000 }] },
      }),
      named('v1', 'ConfigMap', { data: { a: '1' } }),
      named('v1', 'Secret', { type: 'Opaque', data: { a: 'MQ==' } }),
      named(`${rbac}/v1`, 'RoleBinding', {
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'engine' },
        subjects: [{ kind: 'ServiceAccount', name: 'engine', namespace }],
      }),
      named(`${rbac}/v1`, 'Role', {
        rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
      }),
      named('v1', 'ServiceAccount', {}),
    ];
  };

  describe('an apply set', () => {
    test('is applied, told, changed, pruned and goes with its parent', async () => {
      // Of a built-in type: of new ones a real garbage collector learns only every 30 seconds.
      const parent = await admin.create(configMaps, configMap('model', {}, { namespace }));
      const set = setOf(parent, configMaps);
      const outcomes = async (done: ReturnType<typeof set.apply>) =>
        (await done).entries.map(({ type, outcome }) => `${outcome} ${type.kind}`);
      const kinds = [
        'ServiceAccount',
        'Role',
        'RoleBinding',
        'ConfigMap',
        'Secret',
        'Service',
        'Deployment',
        'HorizontalPodAutoscaler',
      ];
      const planned = await outcomes(set.diff(rendered(0)));
      expect([...planned].sort()).toEqual(kinds.map((kind) => `created ${kind}`).sort());
      await expect(admin.get(services, key('engine'))).rejects.toSatisfy(isNotFound);
      expect(new Set(await outcomes(set.apply(rendered(0))))).toEqual(new Set(planned));
      const unchanged = new Set(kinds.map((kind) => `unchanged ${kind}`));
      // The deployment controller has its own say in the first moment.
      const again = async () => new Set(await outcomes(set.apply(rendered(0))));
      await expect.poll(again, within).toEqual(unchanged);
      expect(new Set(await outcomes(set.diff(rendered(0))))).toEqual(unchanged);
      const fewer = rendered(1).filter(
        ({ kind }) => kind !== 'HorizontalPodAutoscaler' && kind !== 'Secret',
      );
      const difference = await outcomes(set.diff(fewer));
      expect(difference.filter((word) => !word.startsWith('unchanged'))).toEqual([
        'changed Deployment',
        'pruned HorizontalPodAutoscaler',
        'pruned Secret',
      ]);
      expect(await outcomes(set.apply(fewer))).toEqual(difference);
      await expect(admin.get(secrets, key('engine'))).rejects.toSatisfy(isNotFound);
      const said = await admin.get(configMaps, key('model'));
      expect(said.metadata.annotations?.[applySetKeys.kinds]).toBe(
        'ConfigMap,Deployment.apps,Role.rbac.authorization.k8s.io,RoleBinding.rbac.authorization.k8s.io,Service,ServiceAccount',
      );
      await admin.delete(configMaps, key('model'));
      const left = async () =>
        (
          await admin.list(configMaps, {
            namespace,
            labelSelector: `${applySetKeys.partOf}=${set.id}`,
          })
        ).items;
      await expect.poll(left, within).toEqual([]);
    });
  });

  describe('a controller', () => {
    test('makes what its objects want, and makes it again', async () => {
      const follow = { client: admin, namespace, clock: systemClock, random: systemRandom };
      await using objectives = startInformer({ ...follow, type: inferenceObjectives });
      await using maps = startInformer({ ...follow, type: configMaps });
      await using controller = startController({
        name: 'suite',
        clock: systemClock,
        sources: [sourceOf(objectives, ownKey), sourceOf(maps, ownerKeys(inferenceObjectives))],
        reconcile: async (of, signal) => {
          const object = objectives.get(of);
          if (object?.metadata.deletionTimestamp !== undefined || object === undefined) return;
          const data = { priority: String(object.spec?.priority) };
          const wanted = { apiVersion: 'v1', kind: 'ConfigMap', metadata: key(of.name), data };
          await setOf(object).apply([wanted], { signal });
        },
      });
      await makeParent();
      const priority = async () => {
        const { items } = await admin.list(configMaps, {
          namespace,
          fieldSelector: 'metadata.name=model',
        });
        return items[0]?.data?.['priority'];
      };
      await expect.poll(priority, within).toBe('1');
      await admin.patch(inferenceObjectives, key('model'), { spec: { priority: 2 } });
      await expect.poll(priority, within).toBe('2');
      await admin.delete(configMaps, key('model'));
      await expect.poll(priority, within).toBe('2');
      expect(await controller.stop()).toEqual([]);
    });
  });

  describe('events', () => {
    test('are kept and counted', async () => {
      const parent = await makeParent();
      await using recorder = createEventRecorder({
        client: admin,
        clock: systemClock,
        random: systemRandom,
        controller: 'llm-d.ai/suite',
        instance: 'suite-0',
      });
      const event = {
        type: 'Warning',
        reason: 'Because',
        action: 'Reconcile',
        note: 'it is so',
      } as const;
      for (let count = 0; count < 3; count++) recorder.record(parent, event);
      const kept = async () =>
        (await admin.list(recordedEvents, { namespace })).items.filter(
          ({ reason }) => reason === 'Because',
        );
      await expect.poll(kept, within).toMatchObject([
        {
          ...event,
          regarding: { kind: 'InferenceObjective', uid: parent.metadata.uid },
          series: { count: 3 },
        },
      ]);
      recorder.record(parent, event);
      await recorder.stop();
      expect(await kept()).toMatchObject([{ series: { count: 4 } }]);
    });
  });
}
