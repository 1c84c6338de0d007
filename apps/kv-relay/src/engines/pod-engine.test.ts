import type { Pod } from '@llm-d/kube-runtime';
import { expect, test } from 'vitest';
import { engineInPod, reducedPod } from './pod-engine.ts';

interface PodSetup {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly restarts?: Readonly<Record<string, number>>;
  readonly status?: Pod['status'];
}

const makePod = ({
  annotations = {},
  restarts = { vllm: 0 },
  status = {},
}: PodSetup = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'llama-0', namespace: 'prod', uid: 'u-1', annotations },
  status: {
    ...{ podIP: '10.0.0.7', phase: 'Running' },
    containerStatuses: Object.entries(restarts).map(([name, restartCount]) => ({
      ...{ name, restartCount, ready: true, image: 'i', imageID: 'i' },
    })),
    ...status,
  },
});

const options = {
  ports: { socketPort: 5557, replayPort: 5657, dpSize: 1 },
  ...{ servingPort: 8000, engineContainer: undefined },
};
/** As the relay sees it. */
const engineOf = (pod: Pod, more: Partial<typeof options> | object = {}) =>
  engineInPod(reducedPod(pod), { ...options, ...more });

test('an engine is known by address and serving port, and its life by UID and restarts', () => {
  expect(engineOf(makePod({ restarts: { vllm: 2, proxy: 1 } }))).toEqual({
    ...{ pod: '10.0.0.7:8000', name: 'llama-0', identity: 'u-1', epoch: 'u-1.3' },
    ranks: [{ dpRank: 0, endpoint: 'tcp://10.0.0.7:5557', replayEndpoint: 'tcp://10.0.0.7:5657' }],
  });
  const ofOne = { engineContainer: 'vllm' };
  expect(engineOf(makePod({ restarts: { vllm: 2, proxy: 1 } }), ofOne)?.epoch).toBe('u-1.2');
});

test('annotations say where it publishes, and how many ranks it has', () => {
  const annotations = {
    'llm-d.ai/kv-events-port': '6000',
    'llm-d.ai/kv-replay-port': '7000',
    'llm-d.ai/kv-dp-size': '3',
  };
  expect(engineOf(makePod({ annotations }))?.ranks.at(-1)).toEqual({
    ...{ dpRank: 2, endpoint: 'tcp://10.0.0.7:6002', replayEndpoint: 'tcp://10.0.0.7:7002' },
  });
  const nonsense = { 'llm-d.ai/kv-events-port': 'any', 'llm-d.ai/kv-dp-size': '0' };
  expect(engineOf(makePod({ annotations: nonsense }))?.ranks).toHaveLength(1);
});

test('an address of IPv6 stands in brackets', () => {
  const engine = engineOf(makePod({ status: { podIP: 'fd00::7' } }));
  expect([engine?.pod, engine?.ranks[0]?.endpoint]).toEqual([
    '[fd00::7]:8000',
    'tcp://[fd00::7]:5557',
  ]);
});

test.each([
  ['without an address', { podIP: '' }],
  ['that has ended', { phase: 'Succeeded' }],
  ['that has failed', { phase: 'Failed' }],
])('there is no engine in a pod %s', (_title, status) => {
  expect(engineOf(makePod({ status: { podIP: '10.0.0.7', ...status } }))).toBeUndefined();
});
