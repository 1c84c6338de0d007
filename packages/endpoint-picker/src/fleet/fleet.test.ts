import type { EndpointIdentity, EngineMetrics } from '@llm-d/scheduler-core';
import { unknownMetrics } from '@llm-d/scheduler-core';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFleet } from './fleet.ts';

const identity = (name: string): EndpointIdentity => ({ ...makeEndpoint(name) });
const measured = (waitingRequests: number): EngineMetrics => ({
  ...unknownMetrics,
  waitingRequests,
  updatedAtMs: 1,
});
const fleetOf = (...names: string[]) => {
  const fleet = createFleet();
  fleet.reconcile(names.map(identity));
  return fleet;
};
const first = (fleet: ReturnType<typeof createFleet>) => {
  const [endpoint] = fleet.snapshot();
  if (endpoint === undefined) throw new Error('the fleet is empty');
  return endpoint;
};

describe('membership', () => {
  test('the snapshot stays the same object until something changes', () => {
    const fleet = fleetOf('a', 'b');
    const before = fleet.snapshot();
    expect(fleet.snapshot()).toBe(before);
    fleet.reconcile([identity('a'), identity('b')]);
    expect(fleet.snapshot()).toBe(before);
    fleet.reconcile([identity('a')]);
    expect(fleet.snapshot().map(({ name }) => name)).toEqual(['a']);
    expect(before).toHaveLength(2);
  });

  test('a snapshot never changes, whatever becomes of the fleet', () => {
    const fleet = fleetOf('a', 'b', 'c');
    const before = fleet.snapshot();
    const copy = structuredClone(before);
    fleet.place(first(fleet));
    fleet.measure(first(fleet).id)?.complete(measured(7));
    fleet.reconcile([identity('b'), identity('d')]);
    expect(before).toEqual(copy);
  });

  test('claims and measurements that outlive their member touch no other', () => {
    const fleet = fleetOf('a', 'b', 'c');
    const claim = fleet.place(first(fleet));
    const measurement = fleet.measure(first(fleet).id);
    fleet.reconcile([identity('b'), identity('c')]);
    const after = structuredClone(fleet.snapshot());
    claim.release();
    measurement?.complete(measured(7));
    expect(fleet.snapshot()).toEqual(after);
  });

  test('members are measured in their places after others have left', () => {
    const fleet = fleetOf('a', 'b', 'c');
    fleet.reconcile([identity('a'), identity('c')]);
    for (const [i, { id }] of fleet.snapshot().entries()) fleet.measure(id)?.complete(measured(i));
    expect(fleet.snapshot().map(({ name, metrics }) => [name, metrics.waitingRequests])).toEqual([
      ['a', 0],
      ['c', 1],
    ]);
  });

  test('a server that moved is a new server', () => {
    const fleet = fleetOf('a');
    fleet.measure(first(fleet).id)?.complete(measured(7));
    const events: string[] = [];
    fleet.listen({
      endpointAdded: ({ hostPort }) => events.push(`+${hostPort}`),
      endpointRemoved: ({ hostPort }) => events.push(`-${hostPort}`),
    });
    fleet.reconcile([{ ...identity('a'), hostPort: '10.9.9.9:8000' }]);
    expect(events).toEqual(['+10.0.0.1:8000', '-10.0.0.1:8000', '+10.9.9.9:8000']);
    expect(first(fleet).metrics).toBe(unknownMetrics);
  });

  test('a server with other labels is the same server', () => {
    const fleet = fleetOf('a', 'b');
    const { id, slot } = first(fleet);
    fleet.measure(id)?.complete(measured(7));
    const claim = fleet.place(first(fleet));
    fleet.eject(id, { untilMs: 100, reason: 'down' });
    const before = fleet.snapshot();
    const copy = structuredClone(before);
    const events: string[] = [];
    fleet.listen({
      endpointRelabelled: ({ name, labels }) => events.push(`${name} ${JSON.stringify(labels)}`),
      endpointRemoved: ({ name }) => events.push(`-${name}`),
    });
    let told = 0;
    fleet.watch(() => told++);
    const role = { 'llm-d.ai/role': 'decode' };
    fleet.reconcile([{ ...identity('a'), labels: role }, identity('b')]);
    expect(events).toEqual(['a {"llm-d.ai/role":"decode"}']);
    expect(told).toBe(1);
    expect(first(fleet)).toMatchObject({ slot, labels: role, reservedRequests: 1 });
    expect(first(fleet).metrics.waitingRequests).toBe(7);
    expect(fleet.get(id)).toBe(first(fleet));
    expect(fleet.ejectionOf(id)).toBeDefined();
    expect(before).toEqual(copy);
    claim.release();
    fleet.measure(id)?.complete(measured(8));
    expect(first(fleet)).toMatchObject({ labels: role, reservedRequests: 0 });
  });

  test('living members never share a slot, and slots stay small', () => {
    const names = fc.uniqueArray(
      fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(fc.array(names, { maxLength: 20 }), (memberships) => {
        const fleet = createFleet();
        for (const members of memberships) {
          fleet.reconcile(members.map(identity));
          const slots = fleet.snapshot().map(({ slot }) => slot);
          expect(new Set(slots).size).toBe(members.length);
          expect(Math.max(-1, ...slots)).toBeLessThan(10);
        }
      }),
    );
  });
});

describe('reservations', () => {
  test('a placement counts until metrics taken after it arrive', () => {
    const fleet = fleetOf('a');
    const early = fleet.measure(first(fleet).id);
    fleet.place(first(fleet));
    early?.complete(measured(0));
    expect(first(fleet).reservedRequests).toBe(1);
    fleet.measure(first(fleet).id)?.complete(measured(1));
    expect(first(fleet)).toMatchObject({ reservedRequests: 0, metrics: { waitingRequests: 1 } });
  });

  test('a released placement counts no more, and only once', () => {
    const fleet = fleetOf('a');
    const placement = fleet.place(first(fleet));
    fleet.place(first(fleet));
    placement.release();
    placement.release();
    expect(first(fleet).reservedRequests).toBe(1);
  });

  test('placing does not change snapshots that were taken before', () => {
    const fleet = fleetOf('a');
    const before = first(fleet);
    fleet.place(before);
    expect(before.reservedRequests).toBe(0);
    expect(first(fleet).reservedRequests).toBe(1);
  });

  test('a placement on a member that has left touches nobody else', () => {
    const fleet = fleetOf('a');
    const gone = first(fleet);
    fleet.reconcile([{ ...identity('a'), hostPort: '10.9.9.9:8000' }, identity('b')]);
    fleet.place({ ...gone, slot: 99 }).release();
    expect(fleet.snapshot().map((e) => e.reservedRequests)).toEqual([0, 0]);
  });
});

describe('ejection', () => {
  test('an ejected member gets no requests until its time is over or it is restored', () => {
    const fleet = fleetOf('a', 'b');
    const { id } = first(fleet);
    const names = (nowMs: number) => fleet.routable(nowMs).map(({ name }) => name);
    fleet.eject(id, { untilMs: 100, reason: 'connection refused' });
    expect(names(50)).toEqual(['b']);
    expect(names(100)).toEqual(['a', 'b']);
    fleet.eject(id, { untilMs: 200, reason: 'connection refused' });
    fleet.restore(id);
    expect(names(150)).toEqual(['a', 'b']);
    expect(fleet.ejectionOf(id)).toBeUndefined();
  });

  test('when all are ejected all may be tried', () => {
    const fleet = fleetOf('a', 'b');
    for (const { id } of fleet.snapshot()) fleet.eject(id, { untilMs: 100, reason: 'down' });
    expect(fleet.routable(0)).toHaveLength(2);
  });

  test('a member that leaves takes its ejection along', () => {
    const fleet = fleetOf('a', 'b');
    fleet.eject(first(fleet).id, { untilMs: 100, reason: 'down' });
    fleet.reconcile([identity('b')]);
    fleet.reconcile([identity('b'), identity('a')]);
    expect(fleet.routable(0)).toHaveLength(2);
  });
});

describe('scalars beside the metrics', () => {
  test('stay when metrics arrive, until they are given anew', () => {
    const fleet = fleetOf('a');
    const { id } = first(fleet);
    fleet.keepScalars(id, { heat: 1, load: 2 });
    fleet.measure(id)?.complete({ ...measured(3), custom: { own: 5, heat: 9 } });
    fleet.keepScalars(id, { load: 4 });
    expect(first(fleet).metrics).toMatchObject({
      waitingRequests: 3,
      custom: { own: 5, heat: 1, load: 4 },
    });
  });

  test('go with their endpoint', () => {
    const fleet = fleetOf('a');
    fleet.keepScalars(first(fleet).id, { heat: 1 });
    fleet.keepScalars('nobody', { heat: 1 });
    fleet.reconcile([]);
    fleet.reconcile([identity('a')]);
    expect(first(fleet).metrics.custom).toEqual({});
  });
});

describe('watching', () => {
  test('tells of everything that may make room, once for each change', () => {
    const fleet = createFleet();
    let told = 0;
    const stop = fleet.watch(() => told++);
    const calls = (change: () => void): number => {
      const before = told;
      change();
      return told - before;
    };
    const id = 'default/a-rank-0';
    expect(
      [
        () => {
          fleet.reconcile([identity('a'), identity('b')]);
        },
        () => fleet.measure(id)?.complete(measured(1)),
        () => {
          fleet.eject(id, { untilMs: 10, reason: 'test' });
        },
        () => {
          fleet.restore(id);
        },
        () => {
          fleet.restore(id);
        },
        stop,
        () => {
          fleet.reconcile([]);
        },
      ].map(calls),
    ).toEqual([1, 1, 1, 1, 0, 0, 0]);
  });
});
