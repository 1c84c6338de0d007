import { isSkipped, startModelServer, titleWith } from '@llm-d/test-kit';
import type { ControlPlane } from '@llm-d/test-kit/kubernetes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { createSpace, parts, startCluster } from './cluster.ts';
import { eventually, startEpp } from './epp.ts';

describe.skipIf(isSkipped(parts))(
  titleWith('two endpoint pickers of a pool', parts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    let plane: ControlPlane;
    beforeAll(async () => {
      plane = await startCluster();
    }, TEST_TIMEOUT_MS);
    afterAll(() => plane[Symbol.asyncDispose]());

    test.each(['SIGTERM', 'SIGKILL'] as const)(
      'one is ready, and the other one after %s',
      async (signal) => {
        await using server = await startModelServer({ host: '127.0.0.16' });
        const space = await createSpace(plane);
        await space.createPool(server.port);
        await space.createPod('a', '127.0.0.16');
        const kubeconfig = await space.kubeconfig();
        const args = ['--ha-enable-leader-election', '--drain-timeout=30s'];
        await using first = await startEpp(space, { kubeconfig, args, podName: 'epp-abc-1' });
        await eventually(first.ready).toBe('200');
        await using second = await startEpp(space, { kubeconfig, args, podName: 'epp-abc-2' });
        await eventually(second.endpoints).toHaveLength(1);
        expect(await second.ready()).toBe('503 another replica leads, or none does yet');
        const names = ['liveness', 'readiness', '', 'inference-extension'];
        const healths = (epp: typeof first) => Promise.all(names.map((name) => epp.health(name)));
        expect(await healths(first)).toEqual(['SERVING', 'SERVING', 'SERVING', 'UNKNOWN_SERVICE']);
        expect(await healths(second)).toEqual([
          'SERVING',
          'NOT_SERVING',
          'NOT_SERVING',
          'UNKNOWN_SERVICE',
        ]);
        const lease = `epp-${space.name}-llama.llm-d.ai`;
        const path = `/apis/coordination.k8s.io/v1/namespaces/${space.name}/leases/${lease}`;
        const holder = async () =>
          (
            (await plane.ask('GET', path)).body as {
              readonly spec: { readonly holderIdentity: string };
            }
          ).spec.holderIdentity;
        expect(await holder()).toMatch(/^epp-abc-1_/);

        const destination = `127.0.0.16:${server.port}`;
        expect(await first.proxy.place('test-model')).toMatchObject({ destination });
        first.program.signal(signal);
        await eventually(second.ready).toBe('200');
        expect(await holder()).toMatch(/^epp-abc-2_/);
        expect(await second.proxy.place('test-model')).toMatchObject({ destination });
        if (signal === 'SIGKILL') return;
        // It goes on for whoever has not heard yet.
        expect(await first.health('readiness')).toBe('NOT_SERVING');
        expect(await first.proxy.place('test-model')).toMatchObject({ destination });
      },
    );
  },
);
