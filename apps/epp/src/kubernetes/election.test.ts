import { inferencePools } from '@llm-d/crd-types';
import { leases } from '@llm-d/kube-runtime';
import { expect, test } from 'vitest';
import { virtualCluster } from './cluster.testing.ts';

const electsLeader = true;

test('one of two replicas is ready, and the other one when the first resigns', async () => {
  const cluster = virtualCluster();
  cluster.putPool();
  cluster.putPod('a');
  await using first = cluster.start({ electsLeader, podName: 'epp-0' });
  await cluster.settle();
  await using second = cluster.start({ electsLeader, podName: 'epp-1' });
  await cluster.settle();
  expect(cluster.server.objects(leases)).toMatchObject([
    {
      metadata: { name: 'epp-prod-llama.llm-d.ai', namespace: 'prod' },
      spec: { holderIdentity: 'epp-0_replica-1' },
    },
  ]);
  expect(first.kubernetes.notReady).toBeUndefined();
  expect(second.kubernetes.notReady).toContain('another replica leads');
  expect(second.condition('Leader')).toBe('False Following');
  expect(second.endpoints()).toHaveLength(1);

  let heard = 0;
  second.kubernetes.onChange(() => heard++);
  await first.kubernetes.resign();
  expect(first.endpoints()).toHaveLength(1);
  await cluster.pass(5000);
  expect(second.kubernetes.notReady).toBeUndefined();
  expect(second.condition('Leader')).toBe('True Leading');
  expect(heard).toBeGreaterThan(0);
});

test('a replica that cannot renew its lease is not ready any more, and knows its pods for when it leads again', async () => {
  const cluster = virtualCluster();
  cluster.putPool();
  cluster.putPod('a');
  await using replica = cluster.start({ electsLeader, podName: 'epp-0' });
  await cluster.settle();
  cluster.server.faults.inject({ kind: 'unreachable' }, { plural: 'leases' });
  await cluster.pass(12_000);
  expect(replica.kubernetes.notReady).toContain('another replica leads');
  expect(replica.endpoints()).toHaveLength(1);
  cluster.server.faults.clear();
  await cluster.pass(20_000);
  expect(replica.kubernetes.notReady).toBeUndefined();
});

test('followers know nothing where they are not to', async () => {
  const cluster = virtualCluster();
  cluster.putPool();
  cluster.putPod('a');
  const parts = { followersDiscover: false };
  await using first = cluster.start({ electsLeader, podName: 'epp-0' }, parts);
  await cluster.settle();
  await using second = cluster.start({ electsLeader, podName: 'epp-1' }, parts);
  await cluster.pass(1000);
  expect([first.endpoints().length, second.endpoints().length]).toEqual([1, 0]);
  expect(
    cluster.server.watches.filter(({ type }) => type.plural === inferencePools.plural),
  ).toHaveLength(1);
  await first.kubernetes.close();
  await cluster.pass(5000);
  expect([first.endpoints().length, second.endpoints().length]).toEqual([0, 1]);
  expect(second.kubernetes.notReady).toBeUndefined();
});

test('a leader that followers must not know as much as forgets everything when it follows, and finds it again', async () => {
  const cluster = virtualCluster();
  cluster.putPool();
  cluster.putPod('a');
  await using replica = cluster.start(
    { electsLeader, podName: 'epp-0' },
    { followersDiscover: false },
  );
  await cluster.settle();
  expect(replica.endpoints()).toHaveLength(1);
  cluster.server.faults.inject({ kind: 'unreachable' }, { plural: 'leases' });
  await cluster.pass(12_000);
  expect(replica.endpoints()).toEqual([]);
  cluster.server.faults.clear();
  await cluster.pass(20_000);
  expect(replica.endpoints()).toHaveLength(1);
  expect(replica.kubernetes.notReady).toBeUndefined();
});
