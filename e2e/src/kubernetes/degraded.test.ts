import { isSkipped, startModelServer, titleWith } from '@llm-d/test-kit';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import {
  createSpace,
  extensionCrds,
  legacyGroup,
  ourCrds,
  parts,
  poolGroup,
  startCluster,
  type Space,
} from './cluster.ts';
import { eventually, startEpp, type Epp } from './epp.ts';
import type { Manifest } from './manifests.ts';

/** What the manifests of the Gateway API Inference Extension's conformance suite grant to endpoint pickers. */
const conformancePermissions = ({ name: namespace }: Space): readonly Manifest[] => {
  const metadata = { name: 'epp', namespace };
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const verbs = ['get', 'list', 'watch'];
  const role = {
    apiVersion,
    kind: 'Role',
    metadata,
    rules: [
      { apiGroups: [poolGroup], resources: ['inferencepools'], verbs },
      { apiGroups: [''], resources: ['pods'], verbs },
    ],
  };
  const binding = {
    apiVersion,
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup, kind: 'Role', name: 'epp' },
    subjects: [{ kind: 'ServiceAccount', name: 'epp', namespace }],
  };
  return [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata }, role, binding];
};

const warnings = ({ program }: Epp, condition: string): readonly string[] =>
  program.stdout
    .split('\n')
    .filter((line) => line.includes(`"condition":"${condition}"`) && line.includes('"False"'));

const header = 'x-gateway-inference-objective';
let requests = 0;
const priorityOf = async (epp: Epp, objective: string): Promise<number> => {
  const model = `model-${++requests}`;
  await epp.proxy.place(model, { [header]: objective });
  const metric = 'llm_d_epp_request_total';
  return (await epp.sum(metric, { model_name: model, priority: '9' })) === 1 ? 9 : 0;
};

describe.skipIf(isSkipped(parts))(
  titleWith('what a real API server does not give', parts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('CRDs that are missing are waited for, and nobody is stopped by those of policies', async () => {
      await using server = await startModelServer({ host: '127.0.0.14' });
      await using plane = await startCluster([]);
      const space = await createSpace(plane);
      await space.createPod('a', '127.0.0.14');
      await using epp = await startEpp(space);
      await eventually(epp.conditions).toEqual({
        InferencePool: 'False NotInstalled',
        InferenceObjectives: 'False NotInstalled',
        InferenceModelRewrites: 'False NotInstalled',
      });
      expect(await epp.ready()).toContain('503 InferencePools are not known to the API server');
      expect(await epp.health('readiness')).toBe('NOT_SERVING');

      await plane.install(await extensionCrds());
      await space.createPool(server.port);
      await space.createObjective('premium', 9, { group: legacyGroup });
      await eventually(epp.ready).toBe('200');
      await eventually(epp.endpoints).toHaveLength(1);
      await eventually(() => priorityOf(epp, 'premium')).toBe(9);
      expect(await epp.conditions()).toMatchObject({ InferenceObjectives: 'True Synced' });

      await plane.install(ourCrds);
      await eventually(() => priorityOf(epp, 'premium')).toBe(0);
      await space.createObjective('premium', 9);
      await eventually(() => priorityOf(epp, 'premium')).toBe(9);
      for (const name of ['InferencePool', 'InferenceObjectives']) {
        expect([name, warnings(epp, name).length]).toEqual([name, 1]);
      }
    });

    test('permissions that are missing hinder nobody, and are used once they are granted', async () => {
      await using server = await startModelServer({ host: '127.0.0.14' });
      await using plane = await startCluster();
      const space = await createSpace(plane);
      await space.createPool(server.port);
      await space.createPod('a', '127.0.0.14');
      await space.createObjective('premium', 9);
      const permissions = conformancePermissions(space);
      const kubeconfig = await space.kubeconfig(permissions);
      await using epp = await startEpp(space, { kubeconfig });
      await eventually(epp.ready).toBe('200');
      await eventually(epp.endpoints).toHaveLength(1);
      expect(await epp.conditions()).toMatchObject({
        InferencePool: 'True Found',
        Pods: 'True Synced',
        InferenceObjectives: 'False Forbidden',
        InferenceModelRewrites: 'False Forbidden',
      });
      expect(await epp.health('inference-extension')).toBe('SERVING');
      expect(await priorityOf(epp, 'premium')).toBe(0);
      await space.create('apis/rbac.authorization.k8s.io/v1/roles', {
        metadata: { name: 'more' },
        rules: [
          { apiGroups: ['llm-d.ai'], resources: ['inferenceobjectives'], verbs: ['list', 'watch'] },
        ],
      });
      await space.create('apis/rbac.authorization.k8s.io/v1/rolebindings', {
        metadata: { name: 'more' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'more' },
        subjects: [{ kind: 'ServiceAccount', name: 'epp', namespace: space.name }],
      });
      await eventually(() => priorityOf(epp, 'premium')).toBe(9);
      expect(warnings(epp, 'InferenceObjectives')).toHaveLength(1);
    });

    test('an API server that goes away takes no endpoint with it, and is followed again when it is back', async () => {
      await using server = await startModelServer({ host: '127.0.0.14' });
      await using plane = await startCluster();
      const space = await createSpace(plane);
      await space.createPool(server.port);
      await space.createPod('a', '127.0.0.14');
      await space.createObjective('premium', 9);
      await using epp = await startEpp(space);
      await eventually(epp.ready).toBe('200');
      await eventually(() => priorityOf(epp, 'premium')).toBe(9);

      const enough = new AbortController();
      const placed: string[] = [];
      const traffic = (async () => {
        while (!enough.signal.aborted) {
          const { destination, status } = await epp.proxy.place('test-model');
          placed.push(destination === '' ? String(status) : destination);
          await setTimeout(5);
        }
      })();
      await plane.stopApiServer();
      await eventually(epp.conditions).toMatchObject({
        InferencePool: 'False Unreachable',
        Pods: 'False Unreachable',
      });
      expect(await epp.ready()).toBe('200');
      expect(await priorityOf(epp, 'premium')).toBe(9);
      const meanwhile = placed.length;
      await plane.startApiServer();
      await space.createPod('b', '127.0.0.15');
      await eventually(epp.endpoints).toHaveLength(2);
      await eventually(epp.conditions).toMatchObject({
        InferencePool: 'True Found',
        Pods: 'True Synced',
        InferenceObjectives: 'True Synced',
      });
      enough.abort();
      await traffic;
      expect(meanwhile).toBeGreaterThan(0);
      expect(new Set(placed.slice(0, meanwhile))).toEqual(new Set([`127.0.0.14:${server.port}`]));
      expect(placed.filter((where) => !where.startsWith('127.0.0.1'))).toEqual([]);
      expect(await priorityOf(epp, 'premium')).toBe(9);
    });
  },
);
