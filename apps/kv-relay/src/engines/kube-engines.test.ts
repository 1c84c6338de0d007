import { createRandom, systemClock as clock } from '@llm-d/determinism';
import { createKubeClient, pods, type Pod } from '@llm-d/kube-runtime';
import { createFakeApiServer } from '@llm-d/kube-runtime/testing';
import { noopTelemetry } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import type { Engine } from './engine.ts';
import { startKubeEngines } from './kube-engines.ts';

const namespace = 'prod';
const makePod = (name: string, podIP: string, restartCount = 0): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels: { app: 'vllm' } },
  status: {
    ...{ podIP, phase: 'Running' },
    containerStatuses: [{ name: 'vllm', restartCount, ready: true, image: 'i', imageID: 'i' }],
  },
});

test('the pods that a selector selects are engines, from their address to their end', async () => {
  const server = createFakeApiServer({ types: [pods], clock });
  const client = createKubeClient({ transport: server.transport, clock });
  const create = async (pod: Pod): Promise<Pod> => {
    const { name } = (await client.create(pods, pod)).metadata;
    const { status } = pod;
    return client.patch(pods, { namespace, name }, { status }, { subresource: 'status' });
  };
  const first = await create(makePod('a', '10.0.0.1'));
  await create({ ...makePod('x', '10.0.0.9'), metadata: { name: 'x', namespace } });
  const seen: (readonly Engine[])[] = [];
  await using discovery = startKubeEngines({
    ...{ client, namespace, labelSelector: 'app=vllm', servingPort: 8000 },
    ports: { socketPort: 5557, replayPort: undefined, dpSize: 1 },
    ...{ engineContainer: undefined, clock, random: createRandom(1), telemetry: noopTelemetry },
    changed: (engines) => seen.push(engines),
  });
  const last = () => (seen.at(-1) ?? []).map(({ pod, epoch }) => `${pod} ${epoch}`);
  const uid = first.metadata.uid ?? '';
  await expect.poll(last).toEqual([`10.0.0.1:8000 ${uid}.0`]);
  expect(discovery.isComplete).toBe(true);
  const { status } = makePod('a', '10.0.0.1', 1);
  await client.patch(pods, { namespace, name: 'a' }, { status }, { subresource: 'status' });
  await expect.poll(last).toEqual([`10.0.0.1:8000 ${uid}.1`]);
  await client.delete(pods, { namespace, name: 'a' });
  await expect.poll(last).toEqual([]);
});
