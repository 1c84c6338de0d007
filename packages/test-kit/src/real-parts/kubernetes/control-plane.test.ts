import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isSkipped, pathOf, titleWith } from '../real-part.ts';
import { findControlPlane, startControlPlane, type ControlPlane } from './control-plane.ts';
import { findGatewayApiCrds, findInferenceExtensionCrds, readCrds } from './foreign-crds.ts';

const programs = await findControlPlane();
const gatewayApi = await findGatewayApiCrds();
const inferenceExtension = await findInferenceExtensionCrds();

const namesOf = (crds: readonly object[]): unknown[] =>
  crds.map((crd) => (crd as { metadata: { name: string } }).metadata.name);

describe.skipIf(isSkipped(programs))(
  titleWith('a real control plane', programs),
  { timeout: 120_000 },
  () => {
    let plane: ControlPlane;
    beforeAll(async () => {
      plane = await startControlPlane();
    }, 120_000);
    afterAll(() => plane[Symbol.asyncDispose]());

    test('says the version that it was built from', async () => {
      const { body } = await plane.ask('GET', '/version');
      expect(body).toMatchObject({ gitVersion: 'v1.35.4', major: '1', minor: '35' });
    });

    test('serves custom resources of other projects', async () => {
      const crds = [
        ...(await readCrds(pathOf(gatewayApi))),
        ...(await readCrds(pathOf(inferenceExtension))),
      ];
      expect(namesOf(crds)).toContain('inferencepools.inference.networking.k8s.io');
      await plane.install(crds);
      const pools = '/apis/inference.networking.k8s.io/v1/namespaces/default/inferencepools';
      expect(await plane.ask('GET', pools)).toMatchObject({ status: 200, body: { items: [] } });
    });

    test('runs beside another one', async () => {
      await using other = await startControlPlane();
      const name = 'only-here';
      await other.ask('POST', '/api/v1/namespaces', { metadata: { name } });
      expect((await other.ask('GET', `/api/v1/namespaces/${name}`)).status).toBe(200);
      expect((await plane.ask('GET', `/api/v1/namespaces/${name}`)).status).toBe(404);
    });

    test('comes back with everything it had when its API server was killed', async () => {
      await using other = await startControlPlane();
      const name = 'lasting';
      await other.ask('POST', '/api/v1/namespaces', { metadata: { name } });
      await other.stopApiServer();
      await expect(other.ask('GET', '/readyz')).rejects.toThrow();
      await other.startApiServer();
      expect((await other.ask('GET', `/api/v1/namespaces/${name}`)).status).toBe(200);
    });

    test('a flag that it refuses is shown with its reason', async () => {
      const started = startControlPlane({ apiserverFlags: ['--no-such-flag'] });
      await expect(started).rejects.toThrow(/did not come up[^]*no-such-flag/);
    });
  },
);

const withControllers = await findControlPlane({ controllerManager: true });

describe.skipIf(isSkipped(withControllers))(
  titleWith('a real control plane with controllers', withControllers),
  { timeout: 120_000 },
  () => {
    test('collects what belongs to something that is gone', async () => {
      await using plane = await startControlPlane({ controllerManager: true });
      const maps = '/api/v1/namespaces/default/configmaps';
      const { body } = await plane.ask('POST', maps, { metadata: { name: 'owner' } });
      const { uid } = (body as { metadata: { uid: string } }).metadata;
      const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid };
      const metadata = { name: 'owned', ownerReferences: [owner] };
      expect((await plane.ask('POST', maps, { metadata })).status).toBe(201);
      await plane.ask('DELETE', `${maps}/owner`);
      const status = async () => (await plane.ask('GET', `${maps}/owned`)).status;
      await expect.poll(status, { timeout: 60_000 }).toBe(404);
    });
  },
);
