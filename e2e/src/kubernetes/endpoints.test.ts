import { isSkipped, startModelServer, titleWith, type ModelServer } from '@llm-d/test-kit';
import type { ControlPlane } from '@llm-d/test-kit/kubernetes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { createSpace, parts, startCluster } from './cluster.ts';
import { eventually, startEpp } from './epp.ts';

describe.skipIf(isSkipped(parts))(
  titleWith('endpoints from a real API server', parts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    let plane: ControlPlane;
    let servers: readonly ModelServer[];
    let port: number;
    const closing = new AsyncDisposableStack();
    beforeAll(async () => {
      plane = closing.use(await startCluster());
      const first = closing.use(await startModelServer({ host: '127.0.0.11' }));
      port = first.port;
      servers = [first, closing.use(await startModelServer({ host: '127.0.0.12', port }))];
    }, TEST_TIMEOUT_MS);
    afterAll(() => closing.disposeAsync());

    const at = (...numbers: number[]) => numbers.map((number) => `127.0.0.${number}:${port}`);

    test('come and go with the pods that are ready, and take requests meanwhile', async () => {
      const space = await createSpace(plane);
      await space.createPool(port);
      await space.createPod('a', '127.0.0.11');
      await space.createPod('b', '127.0.0.12', { ready: false });
      await space.createPod('other', '127.0.0.12', { labels: { app: 'other' } });
      await using epp = await startEpp(space);
      const addresses = async () => (await epp.endpoints()).map((line) => line.split(' ')[1]);
      await eventually(epp.ready).toBe('200');
      expect(await addresses()).toEqual(at(11));
      expect(await epp.proxy.place('test-model')).toMatchObject({
        destination: at(11)[0],
        status: 0,
      });

      await space.setReady('b', true);
      await eventually(addresses).toEqual(at(11, 12));
      await space.deletePod('a');
      await eventually(addresses).toEqual(at(12));
      expect(await epp.proxy.place('test-model')).toMatchObject({ destination: at(12)[0] });
      await space.changePod('b', { labels: { app: 'left' } });
      await eventually(addresses).toEqual([]);
      expect(await epp.proxy.place('test-model')).toMatchObject({ destination: '', status: 503 });
      expect(await epp.ready()).toBe('200');
      expect(servers.flatMap(({ requests }) => requests)).toEqual([]);
    });

    test('a pod that is going away takes no more requests', async () => {
      const space = await createSpace(plane);
      await space.createPool(port);
      await space.createPod('a', '127.0.0.11');
      await space.changePod('a', { finalizers: ['test.llm-d.ai/hold'] });
      await using epp = await startEpp(space);
      await eventually(epp.endpoints).toHaveLength(1);
      await space.deletePod('a');
      await eventually(epp.endpoints).toEqual([]);
      await space.changePod('a', { finalizers: [] });
    });

    test('a pod is one endpoint for each port that it says is active', async () => {
      await using second = await startModelServer({ host: '127.0.0.11' });
      const space = await createSpace(plane);
      await space.createPool(port, second.port);
      await space.createPod('dp', '127.0.0.11');
      await using epp = await startEpp(space);
      await eventually(epp.endpoints).toEqual([
        `dp-rank-0 127.0.0.11:${port}`,
        `dp-rank-1 127.0.0.11:${second.port}`,
      ]);
      await space.changePod('dp', {
        annotations: { 'llm-d.ai/active-ports': String(second.port) },
      });
      await eventually(epp.endpoints).toEqual([`dp-rank-1 127.0.0.11:${second.port}`]);
      expect((await epp.proxy.place('test-model')).destination).toBe(`127.0.0.11:${second.port}`);
      await space.changePod('dp', {
        annotations: { 'inference.networking.k8s.io/active-ports': `${port},${second.port}` },
      });
      await eventually(epp.endpoints).toHaveLength(2);
    });

    test('keep what is known of them when labels change', async () => {
      const space = await createSpace(plane);
      await space.createPool(port);
      await space.createPod('a', '127.0.0.11');
      await using epp = await startEpp(space);
      await eventually(epp.endpoints).toHaveLength(1);
      const view = async () => {
        const answer = (await (await fetch(`${epp.url}/debug/endpoints`)).json()) as {
          readonly endpoints: readonly { labels: object; metricsAgeMs: number | null }[];
        };
        return answer.endpoints;
      };
      await eventually(async () => (await view())[0]?.metricsAgeMs).toBeTypeOf('number');
      await space.changePod('a', { labels: { app: 'vllm', team: 'x' } });
      await eventually(async () => (await view())[0]?.labels).toEqual({ app: 'vllm', team: 'x' });
      expect((await view())[0]?.metricsAgeMs).toBeTypeOf('number');
    });

    test('are of the pool, as long as there is one', async () => {
      const space = await createSpace(plane);
      await space.createPod('a', '127.0.0.11');
      await space.createPod('b', '127.0.0.12', { labels: { app: 'other' } });
      await using epp = await startEpp(space);
      const missing = `503 InferencePool ${space.name}/llama of inference.networking.k8s.io is not there`;
      await eventually(epp.ready).toBe(missing);
      expect(await epp.health('inference-extension')).toBe('NOT_SERVING');
      expect(await epp.health('liveness')).toBe('SERVING');
      expect(await epp.proxy.place('test-model')).toMatchObject({ status: 503 });

      await space.createPool(port);
      await eventually(epp.ready).toBe('200');
      expect(await epp.health('inference-extension')).toBe('SERVING');
      expect(await epp.endpoints()).toEqual([`a-rank-0 127.0.0.11:${port}`]);

      await space.patchPool({ selector: { matchLabels: { app: 'other' } } });
      await eventually(epp.endpoints).toEqual([`b-rank-0 127.0.0.12:${port}`]);
      await space.patchPool({ targetPorts: [{ number: 1 }, { number: port }] });
      await eventually(epp.endpoints).toEqual([
        'b-rank-0 127.0.0.12:1',
        `b-rank-1 127.0.0.12:${port}`,
      ]);

      await space.deletePool();
      await eventually(epp.ready).toBe(missing);
      expect(await epp.endpoints()).toEqual([]);
      await space.createPool(port);
      await eventually(epp.endpoints).toEqual([`a-rank-0 127.0.0.11:${port}`]);
      await eventually(epp.ready).toBe('200');
    });

    test('may be selected without a pool', async () => {
      const space = await createSpace(plane);
      await space.createPod('a', '127.0.0.11');
      await space.createPod('b', '127.0.0.12', { labels: { app: 'other' } });
      const source = ['--endpoint-selector=app=vllm', `--endpoint-target-ports=${port}`];
      const args = ['--refresh-prometheus-metrics-interval=100ms'];
      await using epp = await startEpp(space, { source, args, podName: 'my-epp-7d9f8b6c5-x2x4q' });
      await eventually(epp.endpoints).toEqual([`a-rank-0 127.0.0.11:${port}`]);
      expect(await epp.ready()).toBe('200');
      expect((await epp.proxy.place('test-model')).destination).toBe(at(11)[0]);
      expect(await epp.conditions()).toEqual({
        AppProtocol: 'True Supported',
        Pods: 'True Synced',
      });
      const name = 'my-epp';
      await eventually(() => epp.sum('llm_d_epp_ready_endpoints', { name })).toBe(1);
    });
  },
);
