import { inferenceObjectives, renderCrd } from '@llm-d/crd-types';
import { systemClock } from '@llm-d/determinism';
import { isSkipped, titleWith } from '@llm-d/test-kit';
import { findControlPlane, startControlPlane, type ControlPlane } from '@llm-d/test-kit/kubernetes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configMaps } from './built-in-types.ts';
import { conformanceTypes, describeConformance } from './conformance.testing.ts';
import { createKubeClient, type KubeClient } from './client/client.ts';
import { createHttpTransport } from './client/http-transport.ts';
import { noCredentials, type KubeConnection } from './connection/connection.ts';
import { kubeconfigConnection } from './connection/kubeconfig.ts';
import {
  builtInDefinitions,
  builtInKinds,
} from './testing/field-ownership/built-in-definitions.ts';
import {
  publishedFields,
  tabledFields,
  type OpenApi,
} from './testing/field-ownership/published-definitions.testing.ts';
import { createFakeApiServer, type FakeApiServer } from './testing.ts';

const closing = new AsyncDisposableStack();
afterAll(() => closing.disposeAsync());

function clientOf(connection: KubeConnection): KubeClient {
  const transport = closing.use(createHttpTransport(connection));
  return createKubeClient({ transport, clock: systemClock });
}

describe('the fake', () => {
  let server: FakeApiServer;
  let connection: KubeConnection;
  let admin: KubeClient;
  beforeAll(async () => {
    server = closing.use(
      createFakeApiServer({
        types: conformanceTypes,
        users: { secret: { username: 'admin', groups: ['system:masters'] } },
      }),
    );
    const { url } = await server.listen();
    connection = { server: url, namespace: 'default', tls: {}, credentials: noCredentials };
    admin = clientOf(connection);
  });

  describeConformance('is an API server', () => ({
    admin,
    token: 'secret',
    // It has no users; what is forbidden is forbidden to all, also to this one.
    stranger: () => {
      server.faults.forbid(configMaps);
      const allow = () => {
        server.faults.allow(configMaps);
        return Promise.resolve();
      };
      return Promise.resolve({ client: clientOf(connection), allow });
    },
    serve: (type) => {
      server.addType(type);
      return Promise.resolve();
    },
  }));
});

const programs = await findControlPlane({ controllerManager: true });

describe.skipIf(isSkipped(programs))(titleWith('the real one', programs), () => {
  let plane: ControlPlane;
  let admin: KubeClient;
  const connect = (text: string) => kubeconfigConnection({ text, clock: systemClock });
  beforeAll(async () => {
    plane = closing.use(
      await startControlPlane({ crds: [renderCrd(inferenceObjectives)], controllerManager: true }),
    );
    admin = clientOf(await connect(plane.kubeconfig));
  }, 120_000);

  test.each(Object.entries(builtInKinds))(
    'merges %s as the fake does',
    async (kind, definition) => {
      const [apiVersion = '', name = ''] = kind.split(' ');
      const root = apiVersion === 'v1' ? 'api' : 'apis';
      const { body } = await plane.ask('GET', `/openapi/v3/${root}/${apiVersion}`);
      const published = publishedFields(body as OpenApi, apiVersion, name);
      expect(published.size).toBeGreaterThan(0);
      expect(Object.fromEntries(tabledFields(builtInDefinitions, definition))).toEqual(
        Object.fromEntries(published),
      );
    },
  );

  let strangers = 0;
  describeConformance('is an API server', () => ({
    admin,
    token: plane.token,
    stranger: async () => {
      const user = `stranger-${++strangers}`;
      const client = clientOf(await connect(await plane.kubeconfigFor(user)));
      const rbac = '/apis/rbac.authorization.k8s.io/v1';
      const allow = async () => {
        await plane.ask('POST', `${rbac}/clusterroles`, {
          metadata: { name: user },
          rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }],
        });
        await plane.ask('POST', `${rbac}/clusterrolebindings`, {
          metadata: { name: user },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
          subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
        });
      };
      return { client, allow };
    },
    serve: (type) => plane.install([renderCrd(type)]),
  }));
});
