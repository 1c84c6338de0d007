import { describe, expect, test } from 'vitest';
import { pod, pool, type PodTraits } from './discovered.testing.ts';
import { endpointsOfPod } from './pod-endpoints.ts';

const endpoints = (traits: PodTraits, ...ports: number[]) =>
  endpointsOfPod(pod('a', traits), pool(...ports)).map(({ id, hostPort }) => `${id} ${hostPort}`);

test('a ready pod is one endpoint for each target port, with everything that plugins may ask', () => {
  expect(endpointsOfPod(pod('a'), pool(8000, 8001))).toEqual(
    [8000, 8001].map((port, rank) => ({
      id: `prod/a-rank-${rank}`,
      namespace: 'prod',
      name: 'a',
      rank,
      address: '10.0.0.1',
      port,
      hostPort: `10.0.0.1:${port}`,
      labels: { app: 'vllm' },
    })),
  );
});

test('an IPv6 address gets its brackets', () => {
  expect(endpoints({ ip: 'fd00::1' }, 8000)).toEqual(['prod/a-rank-0 [fd00::1]:8000']);
});

test.each<[string, PodTraits]>([
  ['is not ready', { ready: 'False' }],
  ['cannot be asked whether it is ready', { ready: 'Unknown' }],
  ['is going away', { deleting: true }],
  ['has no address yet', { ip: undefined }],
  ['has an empty address', { ip: '' }],
  ['has another value of the label', { labels: { app: 'other' } }],
  ['has no such label', { labels: {} }],
])('a pod that %s is no endpoint', (_, traits) => {
  expect(endpoints(traits, 8000)).toEqual([]);
});

test('a pod without a status is no endpoint', () => {
  expect(endpointsOfPod({ metadata: { name: 'a', labels: { app: 'vllm' } } }, pool(8000))).toEqual(
    [],
  );
});

describe('a pod’s declaration of its active ports', () => {
  const ours = 'llm-d.ai/active-ports';
  const legacy = 'inference.networking.k8s.io/active-ports';
  test.each<[string, Record<string, string>, readonly number[]]>([
    ['none: all', {}, [0, 1, 2]],
    ['some of them', { [ours]: '8002,8000' }, [0, 2]],
    ['with spaces', { [ours]: ' 8001 , 8002' }, [1, 2]],
    ['under the former name', { [legacy]: '8001' }, [1]],
    ['the present name goes first', { [legacy]: '8001', [ours]: '8002' }, [2]],
    ['one that is no target port', { [ours]: '9000' }, []],
    ['nothing', { [ours]: '' }, []],
    ['no numbers', { [ours]: 'all,-1' }, []],
    ['a number with something behind it', { [ours]: '8001/tcp' }, [1]],
  ])('%s', (_, annotations, ranks) => {
    const found = endpointsOfPod(pod('a', { annotations }), pool(8000, 8001, 8002));
    expect(found.map(({ rank }) => rank)).toEqual(ranks);
    for (const { rank, port } of found) expect(port).toBe(8000 + rank);
  });
});
