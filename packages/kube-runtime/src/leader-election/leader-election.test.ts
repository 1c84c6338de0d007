import { createRandom, type Clock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leases } from '../built-in-types.ts';
import { createKubeClient } from '../client/client.ts';
import type { KubeTransport } from '../client/transport.ts';
import { virtualCluster, type VirtualCluster } from '../virtual-cluster.testing.ts';
import {
  startLeaderElection,
  type LeaderElectionOptions,
  type Leadership,
} from './leader-election.ts';

const lease = { name: 'epp-default-pool.llm-d.ai', namespace: 'default' };

/** What the network does to one candidate. */
type Line = 'up' | 'refused' | 'silent' | 'answers-lost';

/** A candidate with a network and a wall clock of its own. */
function candidate(
  { server, clock }: VirtualCluster,
  identity: string,
  options: Partial<LeaderElectionOptions> & { wallClockAheadMs?: number } = {},
) {
  const { wallClockAheadMs = 0, ...rest } = options;
  const line: { state: Line } = { state: 'up' };
  const never = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      const abort = () => {
        reject(new Error('aborted'));
      };
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort);
    });
  const transport: KubeTransport = {
    send: async (request) => {
      if (line.state === 'refused') throw new Error('refused');
      if (line.state === 'silent') return never(request.signal);
      const response = await server.transport.send(request);
      return line.state === 'answers-lost' ? never(request.signal) : response;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const own: Clock = {
    nowMs: () => clock.nowMs(),
    epochMs: () => clock.epochMs() + wallClockAheadMs,
    schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
  };
  const seen: Leadership[] = [];
  const election = startLeaderElection({
    client: createKubeClient({ transport, clock: own }),
    lease,
    identity,
    clock: own,
    random: createRandom(identity.charCodeAt(0)),
    ...rest,
  });
  election.onChange((leadership) => seen.push(leadership));
  return { identity, election, line, seen };
}

const leads = ({ election }: ReturnType<typeof candidate>) => election.leadership.kind === 'leader';

describe('a lease', () => {
  test('that nobody has is taken, as client-go would write it', async () => {
    const cluster = virtualCluster();
    const a = candidate(cluster, 'a');
    await cluster.settle();
    expect(a.election.leadership).toEqual({ kind: 'leader', term: 0 });
    expect(cluster.server.objects(leases)).toMatchObject([
      {
        metadata: lease,
        spec: {
          holderIdentity: 'a',
          leaseDurationSeconds: 15,
          acquireTime: '2026-01-01T00:00:00.000000Z',
          renewTime: '2026-01-01T00:00:00.000000Z',
          leaseTransitions: 0,
        },
      },
    ]);
    await cluster.pass(5000);
    expect(cluster.server.objects(leases)[0]?.spec).toMatchObject({
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:04.000000Z',
    });
    await a.election.stop();
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test('that is let go is taken at once, with a higher term', async () => {
    const cluster = virtualCluster();
    const a = candidate(cluster, 'a');
    await cluster.settle();
    const b = candidate(cluster, 'b');
    await cluster.pass(20_000);
    expect(b.election.leadership).toEqual({ kind: 'follower', leader: 'a' });
    await a.election.stop();
    expect(a.election.leadership).toEqual({ kind: 'follower', leader: undefined });
    expect(cluster.server.objects(leases)[0]?.spec).toMatchObject({
      holderIdentity: '',
      leaseDurationSeconds: 1,
    });
    await cluster.pass(4500);
    expect(b.election.leadership).toEqual({ kind: 'leader', term: 1 });
    await b.election.stop();
  });

  test('that is not let go runs out for the others first', async () => {
    const cluster = virtualCluster();
    const a = candidate(cluster, 'a', { releaseOnStop: false });
    await cluster.settle();
    const b = candidate(cluster, 'b');
    await cluster.pass(1000);
    await a.election.stop();
    await cluster.pass(13_000);
    expect(leads(b)).toBe(false);
    await cluster.pass(7000);
    expect(leads(b)).toBe(true);
    await b.election.stop();
  });

  test.each([3_600_000, -3_600_000])(
    'is not judged by wall clocks that differ by %i ms',
    async (wallClockAheadMs) => {
      const cluster = virtualCluster();
      const a = candidate(cluster, 'a');
      await cluster.settle();
      const b = candidate(cluster, 'b', { wallClockAheadMs });
      await cluster.pass(60_000);
      expect([leads(a), leads(b)]).toEqual([true, false]);
      await a.election.stop();
      await cluster.pass(5000);
      expect(leads(b)).toBe(true);
      await b.election.stop();
    },
  );

  test('that somebody deleted is made again by its holder', async () => {
    const cluster = virtualCluster();
    const a = candidate(cluster, 'a');
    await cluster.settle();
    cluster.server.remove(leases, lease);
    await cluster.pass(2500);
    expect(leads(a)).toBe(true);
    expect(cluster.server.objects(leases)).toHaveLength(1);
    await a.election.stop();
  });

  test('that somebody else took is left to them', async () => {
    const cluster = virtualCluster();
    const a = candidate(cluster, 'a');
    await cluster.settle();
    const [held] = cluster.server.objects(leases);
    cluster.server.put(leases, {
      metadata: lease,
      spec: { ...held?.spec, holderIdentity: 'thief', leaseTransitions: 1 },
    });
    await cluster.pass(2500);
    expect(a.election.leadership).toEqual({ kind: 'follower', leader: 'thief' });
    await a.election.stop();
    expect(cluster.server.objects(leases)[0]?.spec?.holderIdentity).toBe('thief');
  });
});

describe('a leader without an API server', () => {
  test.each<Line>(['refused', 'silent', 'answers-lost'])(
    '(%s) leads until the renew deadline, and again when it is back',
    async (state) => {
      const cluster = virtualCluster();
      const a = candidate(cluster, 'a');
      await cluster.settle();
      a.line.state = state;
      await cluster.pass(9900);
      expect(leads(a)).toBe(true);
      await cluster.pass(200);
      expect(leads(a)).toBe(false);
      a.line.state = 'up';
      await cluster.pass(20_000);
      expect(leads(a)).toBe(true);
      await a.election.stop();
      expect(cluster.server.objects(leases)[0]?.spec?.holderIdentity).toBe('');
    },
  );

  test('says so once', async () => {
    const cluster = virtualCluster();
    const logger = recordingLogger();
    const a = candidate(cluster, 'a', { telemetry: { ...noopTelemetry, logger } });
    await cluster.settle();
    a.line.state = 'refused';
    await cluster.pass(60_000);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'leadership changed',
      'the lease cannot be had',
      'leadership changed',
    ]);
    await a.election.stop();
  });
});

test('a stop in the middle of a renewal lets go nevertheless', async () => {
  const cluster = virtualCluster();
  const a = candidate(cluster, 'a');
  await cluster.settle();
  a.line.state = 'answers-lost';
  await cluster.pass(2000);
  const stopped = a.election.stop();
  a.line.state = 'up';
  await stopped;
  expect(cluster.server.objects(leases)[0]?.spec?.holderIdentity).toBe('');
  expect(cluster.clock.pendingTimers).toBe(0);
});

test.each([
  [{ leaseDurationMs: 10_000 }, 'renew deadline'],
  [{ renewDeadlineMs: 2000 }, 'retry periods'],
  [{ identity: '' }, 'identity'],
])('settings that cannot work are refused: %o', (options, words) => {
  const cluster = virtualCluster();
  const { client, clock } = cluster;
  const random = createRandom(1);
  const start = () =>
    startLeaderElection({ client, lease, identity: 'a', clock, random, ...options });
  expect(start).toThrow(words);
});

test('there are never two leaders, whatever the network does to whom', async () => {
  const line = fc.constantFrom<Line>('up', 'refused', 'silent', 'answers-lost');
  const event = fc.record({
    who: fc.nat(2),
    line,
    forMs: fc.integer({ min: 0, max: 12_000 }),
    latencyMs: fc.constantFrom(0, 100, 4000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 15 }), async (run) => {
      const cluster = virtualCluster();
      const all = ['a', 'b', 'c'].map((identity, i) =>
        candidate(cluster, identity, { wallClockAheadMs: (i - 1) * 86_400_000 }),
      );
      const terms: number[] = [];
      for (const { who, line: state, forMs, latencyMs } of run) {
        const chosen = all[who];
        if (chosen !== undefined) chosen.line.state = state;
        cluster.server.latencyMs = latencyMs;
        for (let left = forMs; left > 0; left -= 250) {
          await cluster.pass(Math.min(250, left));
          const leaders = all.filter(leads);
          expect(leaders.length).toBeLessThanOrEqual(1);
          const [leader] = leaders;
          const now = leader?.election.leadership;
          if (now?.kind === 'leader') terms.push(now.term);
        }
      }
      expect(terms).toEqual([...terms].sort((a, b) => a - b));
      for (const { line: each } of all) each.state = 'up';
      cluster.server.latencyMs = 0;
      await cluster.pass(60_000);
      expect(all.filter(leads)).toHaveLength(1);
      await Promise.all(all.map(({ election }) => election.stop()));
      expect(cluster.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 60 },
  );
}, 60_000);
