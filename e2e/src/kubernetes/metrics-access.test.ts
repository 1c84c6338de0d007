import { createTempDir, isSkipped, titleWith } from '@llm-d/test-kit';
import { createCertificateAuthority, type ControlPlane } from '@llm-d/test-kit/kubernetes';
import { get } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { createSpace, parts, startCluster } from './cluster.ts';
import { startEpp } from './epp.ts';

describe.skipIf(isSkipped(parts))(
  titleWith('who may scrape, as a real API server says', parts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    let plane: ControlPlane;
    beforeAll(async () => {
      plane = await startCluster();
    }, TEST_TIMEOUT_MS);
    afterAll(() => plane[Symbol.asyncDispose]());

    test('nobody, strangers, and those who may', async () => {
      const space = await createSpace(plane);
      await using epp = await startEpp(space, { args: ['--metrics-endpoint-auth=true'] });
      const tokens = {
        nobody: undefined,
        liar: 'no-such-token',
        stranger: await space.token('stranger'),
        prometheus: await space.token('prometheus'),
      };
      await plane.ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
        metadata: { name: `scrapes-${space.name}` },
        roleRef: {
          apiGroup: 'rbac.authorization.k8s.io',
          kind: 'ClusterRole',
          name: 'epp-metrics-reader',
        },
        subjects: [{ kind: 'ServiceAccount', name: 'prometheus', namespace: space.name }],
      });
      const ask = async (path: string, token: string | undefined) => {
        const headers: Record<string, string> =
          token === undefined ? {} : { authorization: `Bearer ${token}` };
        return (await fetch(`${epp.url}${path}`, { headers })).status;
      };
      for (const path of [
        '/metrics',
        '/debug/endpoints',
        '/debug/decisions/x',
        '/debug/conditions',
        '/nothing',
      ]) {
        const statuses = await Promise.all(Object.values(tokens).map((token) => ask(path, token)));
        const allowed = { '/debug/decisions/x': 404, '/nothing': 404 }[path] ?? 200;
        expect([path, ...statuses]).toEqual([path, 401, 401, 403, allowed]);
      }
      expect(await ask('/healthz', undefined)).toBe(200);
      expect(await ask('/readyz', undefined)).toBe(503);
    });

    test('over TLS, with a certificate of the client', async () => {
      await using folder = await createTempDir();
      const authority = await createCertificateAuthority();
      const server = await authority.issueServer({ dns: ['localhost'], ip: ['127.0.0.1'] });
      await folder.write('tls.crt', server.cert);
      await folder.write('tls.key', server.key);
      const ca = await folder.write('ca.crt', authority.cert);
      const space = await createSpace(plane);
      const args = [`--metrics-cert-dir=${folder.path}`, `--metrics-client-ca-file=${ca}`];
      await using epp = await startEpp(space, { args });
      expect(epp.url).toMatch(/^https:/);
      const ask = (more: object): Promise<number | string> =>
        new Promise((resolve) => {
          get(`${epp.url}/metrics`, { ca: authority.cert, ...more }, (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          }).on('error', () => {
            resolve('refused');
          });
        });
      expect(await ask({})).toBe('refused');
      expect(await ask(await authority.issueClient('prometheus'))).toBe(200);
    });
  },
);
