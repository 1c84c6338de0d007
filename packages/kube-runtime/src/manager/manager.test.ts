import { sleep } from '@llm-d/determinism';
import { expect, test, beforeEach, describe, afterEach } from 'vitest';
import { configMaps, leases } from '../built-in-types.ts';
import { startController, type Reconcile } from '../controller/controller.ts';
import { ownKey, sourceOf } from '../controller/source.ts';
import { startInformer } from '../informer/informer.ts';
import { startLeaderElection } from '../leader-election/leader-election.ts';
import {
  configMap,
  dice,
  virtualCluster,
  type VirtualCluster,
} from '../virtual-cluster.testing.ts';
import { printHealth } from './health.ts';
import { startManager, type Manager, type ManagerOptions } from './manager.ts';

let cluster: VirtualCluster;
let log: string[];
const managers: Manager[] = [];

beforeEach(() => {
  cluster = virtualCluster();
  log = [];
});
afterEach(async () => {
  for (const manager of managers.splice(0)) {
    const stopped = manager.stop();
    await cluster.pass(30_000);
    await stopped;
  }
  expect(cluster.clock.pendingTimers).toBe(0);
});

const start = (
  options: Partial<ManagerOptions> & {
    readonly reconcile?: Reconcile;
    readonly elect?: string;
  } = {},
) => {
  const { client, clock } = cluster;
  const maps = startInformer({ client, clock, random: dice(), type: configMaps });
  const { elect, reconcile = () => Promise.resolve(undefined), ...rest } = options;
  const manager = startManager({
    clock,
    informers: { maps },
    ...(elect !== undefined && {
      election: () =>
        startLeaderElection({
          client,
          clock,
          random: dice(),
          identity: elect,
          lease: { name: 'suite', namespace: 'default' },
        }),
    }),
    controllers: [
      () => {
        log.push('controller starts');
        return startController({
          name: 'suite',
          clock,
          sources: [sourceOf(maps, ownKey)],
          reconcile: (key, signal) => {
            log.push(`${elect ?? ''}reconciles ${key.name}`);
            return reconcile(key, signal);
          },
        });
      },
    ],
    servers: {
      web: () => {
        log.push('web starts');
        return Promise.resolve({
          [Symbol.asyncDispose]: () => {
            log.push('web stops');
            return Promise.resolve();
          },
        });
      },
    },
    ...rest,
  });
  managers.push(manager);
  return { manager, maps };
};

const reasons = (manager: Manager) =>
  manager.readyz.checks.filter(({ ok }) => !ok).map(({ name, reason }) => `${name}: ${reason}`);

test('parts start in their order, once everything is known', async () => {
  cluster.server.faults.forbid(configMaps);
  const { manager } = start();
  await cluster.pass(1000);
  expect(log).toEqual([]);
  expect(manager.readyz.ok).toBe(false);
  expect(reasons(manager)).toEqual([
    expect.stringContaining('informer/maps: forbidden: '),
    'start: starting',
  ]);
  cluster.server.put(configMaps, configMap('a'));
  cluster.server.faults.allow(configMaps);
  await cluster.pass(20_000);
  await manager.whenStarted(AbortSignal.timeout(1000));
  expect(log).toEqual(['web starts', 'controller starts', 'reconciles a']);
  expect([manager.readyz.ok, manager.healthz.ok]).toEqual([true, true]);
  expect(printHealth(manager.readyz)).toBe(
    '[+]informer/maps ok\n[+]leadership ok\n[+]start ok\n[+]parts ok\ncheck passed\n',
  );
});

test('they stop in the opposite order, and the lease is let go last of what writes', async () => {
  const { manager, maps } = start({
    elect: 'a',
    reconcile: async (_, signal) => {
      await sleep(cluster.clock, 3000, signal);
      log.push(`ended, lease of ${cluster.server.objects(leases)[0]?.spec?.holderIdentity ?? ''}`);
    },
  });
  cluster.server.put(configMaps, configMap('a'));
  await cluster.pass(1000);
  log.length = 0;
  const stopped = manager.stop();
  expect(reasons(manager)).toEqual(['start: stopping']);
  await cluster.pass(5000);
  expect(await stopped).toEqual([]);
  expect(log).toEqual(['web stops', 'ended, lease of a']);
  expect(cluster.server.objects(leases)[0]?.spec?.holderIdentity).toBe('');
  expect(cluster.server.watches).toEqual([]);
  expect(maps.hasSynced).toBe(true);
});

describe('with an election', () => {
  test('only the leader reconciles, and whoever follows is ready, too', async () => {
    cluster.server.put(configMaps, configMap('x'));
    const first = start({ elect: 'a' });
    await cluster.pass(1000);
    const second = start({ elect: 'b' });
    await cluster.pass(5000);
    expect(log.filter((line) => line.includes('reconciles'))).toEqual(['areconciles x']);
    expect([first.manager.readyz.ok, second.manager.readyz.ok]).toEqual([true, true]);
    expect(second.manager.readyz.checks).toContainEqual({
      name: 'leadership',
      ok: true,
      reason: 'following a',
    });
    const stopped = first.manager.stop();
    await cluster.pass(10_000);
    await stopped;
    expect(log.at(-1)).toBe('breconciles x');
  });

  test('a lost lead aborts what runs in the same moment, and a new one begins again', async () => {
    let aborted = '';
    const { manager } = start({
      elect: 'a',
      reconcile: async (_, signal) => {
        signal.addEventListener('abort', () => {
          aborted = manager.readyz.checks.find(({ name }) => name === 'leadership')?.reason ?? '';
        });
        await sleep(cluster.clock, 1_000_000, signal);
      },
    });
    cluster.server.put(configMaps, configMap('x'));
    await cluster.pass(1000);
    expect(log).toContain('areconciles x');
    cluster.server.faults.inject({ kind: 'unreachable' }, { plural: 'leases' });
    await cluster.pass(11_000);
    expect(aborted).toBe('following nobody yet');
    expect(manager.healthz.ok).toBe(true);
    cluster.server.faults.clear();
    await cluster.pass(10_000);
    expect(log.filter((line) => line === 'controller starts')).toHaveLength(2);
    expect(log.filter((line) => line === 'areconciles x')).toHaveLength(2);
  });

  test('a reconciliation that outlives the lead is a failure, and nothing begins beside it', async () => {
    const failures: string[] = [];
    let end = (): void => undefined;
    const { manager } = start({
      elect: 'a',
      reconcile: () =>
        new Promise((resolve) => {
          end = () => {
            resolve(undefined);
          };
        }),
      onFailure: ({ message }) => failures.push(message),
    });
    cluster.server.put(configMaps, configMap('x'));
    await cluster.pass(1000);
    cluster.server.faults.inject({ kind: 'unreachable' }, { plural: 'leases' });
    await cluster.pass(11_000);
    cluster.server.faults.clear();
    await cluster.pass(20_000);
    expect(failures).toEqual(['reconciliations do not end: suite default/x']);
    expect(manager.healthz).toMatchObject({ ok: false, checks: [{ reason: failures[0] }] });
    expect(printHealth(manager.healthz)).toContain('[-]parts failed: reconciliations do not end');
    expect(log.filter((line) => line === 'controller starts')).toHaveLength(1);
    end();
  });
});

test('a server that does not start is a failure', async () => {
  const failures: string[] = [];
  const { manager } = start({
    servers: { web: () => Promise.reject(new Error('the port is taken')) },
    onFailure: ({ message }) => failures.push(message),
  });
  await cluster.settle();
  expect(failures).toEqual(['the port is taken']);
  await expect(manager.whenStarted(AbortSignal.timeout(1000))).rejects.toThrow('the port is taken');
  expect([manager.healthz.ok, manager.readyz.ok]).toEqual([false, false]);
});

test('a stop has an end, whoever does not end', async () => {
  const { manager } = start({
    stopTimeoutMs: 5000,
    servers: {
      web: () =>
        Promise.resolve({ [Symbol.asyncDispose]: () => new Promise<void>(() => undefined) }),
    },
  });
  await cluster.settle();
  const stopped = manager.stop();
  await cluster.pass(5000);
  expect(await stopped).toEqual(['web']);
});

test('a stop while it starts begins nothing more', async () => {
  cluster.server.faults.forbid(configMaps);
  const { manager } = start();
  const started = expect(manager.whenStarted(new AbortController().signal)).rejects.toMatchObject({
    code: 'ABORTED',
  });
  await cluster.settle();
  expect(await manager.stop()).toEqual([]);
  await started;
  cluster.server.faults.allow(configMaps);
  await cluster.pass(20_000);
  expect([log, manager.healthz.ok]).toEqual([[], true]);
});
