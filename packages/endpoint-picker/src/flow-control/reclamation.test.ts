import { VirtualClock } from '@llm-d/determinism';
import type { InFlightRequest } from '@llm-d/scheduler-core';
import { describe, expect, test } from 'vitest';
import { Reclamation, type BlockedBand, type Lease } from './reclamation.ts';

const GRACE_MS = 100;

/** Requests in flight of the given priorities; the ids of those told to end are kept. */
const setUp = (...priorities: number[]) => {
  const clock = new VirtualClock();
  const shown: [string, ...(number | undefined)[]][] = [];
  let ready = 0;
  const reclamation = new Reclamation({
    clock,
    filter: { isEvictable: ({ priority }) => priority < 0 },
    ordering: { compare: (a, b) => a.priority - b.priority || b.placedMs - a.placedMs },
    graceMs: GRACE_MS,
    onReady: () => ready++,
    observer: {
      target: (deficit) => shown.push(['target', deficit]),
      pending: (debits) => shown.push(['pending', debits]),
      issued: (priority, requests) => shown.push(['issued', priority, requests]),
      concluded: (afterMs) => shown.push(['concluded', afterMs]),
    },
  });
  const evicted: string[] = [];
  const leases = new Map<string, Lease>();
  const track = (id: string, priority: number, placedMs = 0): void => {
    const request: InFlightRequest = { id, priority, placedMs, fairnessId: 'a' };
    leases.set(
      id,
      reclamation.track(request, () => evicted.push(id)),
    );
  };
  priorities.forEach((priority, i) => {
    track(`r${i}`, priority, i);
  });
  const blocked = (saturation = 1, bands: Partial<BlockedBand>[] = [{}]) => {
    reclamation.blocked(
      saturation,
      bands.map((band) => ({ priority: 0, ceiling: 1, requests: 1, ...band })),
    );
  };
  return {
    clock,
    reclamation,
    blocked,
    track,
    evicted,
    shown,
    readyCalls: () => ready,
    end: (id: string) => {
      const lease = leases.get(id);
      if (lease !== undefined) reclamation.ended(lease);
    },
  };
};

describe('who is ended', () => {
  test('the lowest priority, among equals the newest', () => {
    const { blocked, evicted } = setUp(-1, -2, -2);
    blocked(2);
    expect(evicted).toEqual(['r2', 'r1']);
  });

  test.each([
    ['nobody who may not be', [0, 5], [{ priority: 9 }]],
    ['nobody for an equal', [-1], [{ priority: -1 }]],
    ['nobody for a band in which nothing waits', [-1], [{ requests: 0 }]],
    ['nobody for a band that never opens', [-1], [{ ceiling: 0 }]],
    ['nobody for a band that is open', [-1], [{ ceiling: 1.1 }]],
    ['nobody where nobody is in flight', [], [{}]],
  ])('%s', (_, priorities, bands) => {
    const { blocked, evicted } = setUp(...priorities);
    blocked(1, bands);
    expect(evicted).toEqual([]);
  });

  test('the highest band that can gain decides, and no victim reaches its priority', () => {
    const { blocked, evicted, shown } = setUp(-3, -1, -1);
    blocked(3, [{ priority: 5, ceiling: 0 }, { priority: -1 }, { priority: -2 }]);
    expect(evicted).toEqual(['r0']);
    expect(shown).toContainEqual(['issued', -1, 1]);
  });
});

describe('how many', () => {
  test.each([
    ['one at the very bound', 1, 1, 10, 1],
    ['as many as the deficit takes by the mean', 1.1, 1, 10, 1],
    ['rounded up', 1.15, 1, 10, 2],
    ['at most two', 5, 1, 10, 2],
    ['down to a lower ceiling', 1, 0.8, 10, 2],
    ['no more than there are', 5, 1, 1, 1],
  ])('%s', (_, saturation, ceiling, inFlight, expected) => {
    const { blocked, evicted } = setUp(...Array.from({ length: inFlight }, () => -1));
    blocked(saturation, [{ ceiling }]);
    expect(evicted).toHaveLength(expected);
  });

  test('those that may not be ended count for the mean', () => {
    const { blocked, evicted } = setUp(0, 0, 0, 0, 0, 0, 0, 0, -1, -1);
    blocked(1.15);
    expect(evicted).toHaveLength(2);
  });
});

describe('pace', () => {
  test('the next decision waits for every end and then for the saturation to show it', () => {
    const { clock, blocked, evicted, end, readyCalls, reclamation } = setUp(-1, -1, -1, -1);
    blocked(2);
    expect(reclamation).toMatchObject({ inFlight: 4, evictable: 2, outstanding: 2 });
    end('r3');
    clock.advance(GRACE_MS);
    blocked(2);
    end('r2');
    clock.advance(GRACE_MS - 1);
    blocked(2);
    expect([evicted.length, readyCalls()]).toEqual([2, 0]);
    clock.advance(1);
    expect(readyCalls()).toBe(1);
    blocked(9);
    expect(evicted).toHaveLength(4);
  });

  test('one that does not end in ten seconds is waited for no longer', () => {
    const { clock, blocked, evicted, end, shown, readyCalls } = setUp(-1, -1, -1);
    blocked(1);
    clock.advance(10_000);
    expect(shown).toContainEqual(['concluded', undefined]);
    clock.advance(GRACE_MS);
    expect(readyCalls()).toBe(1);
    end('r2');
    expect(shown.filter(([what]) => what === 'concluded')).toHaveLength(1);
    blocked(1);
    expect(evicted).toEqual(['r2', 'r1']);
  });

  test('an end that comes while the others are told is on the books', () => {
    const set = setUp(-1, -1);
    const { reclamation, clock } = set;
    const own = new Map<string, Lease>();
    for (const id of ['x', 'y']) {
      const request = { id, priority: -9, placedMs: 0, fairnessId: 'a' };
      const lease = reclamation.track(request, () => {
        const ending = own.get(id);
        if (ending !== undefined) reclamation.ended(ending);
      });
      own.set(id, lease);
    }
    set.blocked(4);
    expect(reclamation).toMatchObject({ outstanding: 0, inFlight: 2 });
    clock.advance(GRACE_MS);
    expect([set.readyCalls(), clock.pendingTimers]).toEqual([1, 0]);
  });
});

test('what is shown returns to nothing', () => {
  const { clock, blocked, end, shown, reclamation } = setUp(-1, -1, -1, -1);
  blocked(1.2);
  clock.advance(40);
  end('r3');
  clock.advance(GRACE_MS);
  reclamation.relax();
  expect(shown).toEqual([
    ['target', expect.closeTo(0.2)],
    ['issued', 0, 1],
    ['pending', 0.3],
    ['concluded', 40],
    ['pending', 0],
    ['target', 0],
  ]);
});

test('closing leaves no timer', () => {
  const { clock, blocked, end, reclamation } = setUp(-1, -1);
  blocked(5);
  end('r1');
  reclamation.close();
  expect(clock.pendingTimers).toBe(0);
});
