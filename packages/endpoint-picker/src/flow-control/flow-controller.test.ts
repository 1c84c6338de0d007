import { VirtualClock } from '@llm-d/determinism';
import type { FairnessPolicy, OrderingPolicy, UsageLimitPolicy } from '@llm-d/scheduler-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFlowController, type FlowControllerOptions } from './flow-controller.ts';
import type { FlowOutcome } from './flow-outcome.ts';
import { queued } from './queued.testing.ts';

const firstCome: OrderingPolicy = { compare: (a, b) => a.receivedMs - b.receivedMs };
const firstFlow: FairnessPolicy = { pick: ([flow]) => flow };
const always = (ceiling: number): UsageLimitPolicy => ({
  ceilings: (priorities) => priorities.map(() => ceiling),
});

/** A pool with room for so many requests; what was admitted holds its room until `free`. */
const setUp = (room: number, overrides: Partial<FlowControllerOptions> = {}) => {
  const clock = new VirtualClock();
  let capacity = room;
  let held = 0;
  let endpoints = true;
  const outcomes: FlowOutcome[] = [];
  const controller = createFlowController({
    clock,
    pool: {
      saturation: (unplaced) => (endpoints ? (held + unplaced) / capacity : 1),
      hasEndpoints: () => endpoints,
    },
    usageLimit: always(1),
    bandOf: () => ({ maxRequests: 0, maxBytes: 0, ordering: firstCome, fairness: firstFlow }),
    maxRequests: 0,
    maxBytes: 0,
    ttlMs: 60_000,
    noEndpointTtlMs: 60_000,
    onOutcome: (_, outcome) => outcomes.push(outcome),
    ...overrides,
  });
  const order: string[] = [];
  const ask = (
    request: Parameters<typeof queued>[0] = {},
    signal = new AbortController().signal,
  ) => {
    const { id, priority, fairnessId, bytes, receivedMs, ttftObjectiveMs } = queued(request);
    const admission = controller.admit(
      { id, priority, fairnessId, bytes, receivedMs, ttftObjectiveMs },
      signal,
    );
    void admission.then(({ kind }) => {
      if (kind !== 'admitted') return;
      order.push(id);
      held++;
      controller.placed();
    });
    return admission;
  };
  return {
    clock,
    controller,
    ask,
    order,
    outcomes,
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    free: () => {
      held--;
      controller.changed();
    },
    resize: (to: number) => {
      capacity = to;
      controller.changed();
    },
    setEndpoints: (there: boolean) => {
      endpoints = there;
      controller.changed();
    },
  };
};

describe('dispatching', () => {
  test('lets requests through while there is room, and the next one as soon as there is', async () => {
    const { ask, order, settle, free } = setUp(2);
    for (const id of ['a', 'b', 'c', 'd']) void ask({ id });
    await settle();
    expect(order).toEqual(['a', 'b']);
    free();
    await settle();
    expect(order).toEqual(['a', 'b', 'c']);
  });

  test('serves higher priorities first, and lower ones never overtake', async () => {
    const { ask, order, settle, resize } = setUp(0.1);
    void ask({ id: 'first' });
    await settle();
    void ask({ id: 'low', priority: -1 });
    void ask({ id: 'high', priority: 5 });
    void ask({ id: 'normal', priority: 0 });
    resize(100);
    await settle();
    expect(order).toEqual(['first', 'high', 'normal', 'low']);
  });

  test('a band closes at its own ceiling, and with it all below', async () => {
    const usageLimit: UsageLimitPolicy = {
      ceilings: (priorities) => priorities.map((p) => (p < 0 ? 0.5 : 1)),
    };
    const { ask, order, settle } = setUp(4, { usageLimit });
    for (let i = 0; i < 4; i++) void ask({ id: `low${i}`, priority: -1 });
    await settle();
    expect(order).toEqual(['low0', 'low1']);
    void ask({ id: 'normal' });
    await settle();
    expect(order).toEqual(['low0', 'low1', 'normal']);
  });

  test('a policy that opens by itself is asked again in its own rhythm', async () => {
    let calls = 0;
    const usageLimit: UsageLimitPolicy = {
      recheckMs: 10,
      ceilings: (priorities) => {
        calls++;
        return priorities.map(() => (calls >= 3 ? 2 : 0));
      },
    };
    const { ask, order, settle, clock } = setUp(1, { usageLimit });
    void ask({ id: 'a' });
    clock.advance(10);
    await settle();
    expect(order).toEqual([]);
    clock.advance(10);
    await settle();
    expect(order).toEqual(['a']);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('refusals', () => {
  test.each([
    [
      'a band of requests',
      { bandOf: () => ({ maxRequests: 1, maxBytes: 0, ordering: firstCome, fairness: firstFlow }) },
    ],
    [
      'a band of bytes',
      {
        bandOf: () => ({ maxRequests: 0, maxBytes: 150, ordering: firstCome, fairness: firstFlow }),
      },
    ],
    ['all bands together, by requests', { maxRequests: 1 }],
    ['all bands together, by bytes', { maxBytes: 150 }],
  ])('%s has its bound', async (_, overrides) => {
    const { ask, settle, outcomes, setEndpoints } = setUp(1, overrides);
    void ask();
    await settle();
    void ask();
    const full = await ask();
    expect(full).toMatchObject({
      outcome: 'RejectedCapacity',
      refusal: { status: 429, reason: 'rejected-saturated' },
    });
    setEndpoints(false);
    expect(await ask()).toMatchObject({
      outcome: 'RejectedNoEndpoints',
      refusal: { status: 503, reason: 'rejected-no-endpoints' },
    });
    expect(outcomes).toEqual(['Dispatched', 'RejectedCapacity', 'RejectedNoEndpoints']);
  });

  test('a wait ends exactly when its time is over', async () => {
    const { ask, settle, clock, outcomes } = setUp(1, { ttlMs: 500 });
    void ask();
    await settle();
    const waiting = ask();
    clock.advance(499);
    expect(outcomes).toEqual(['Dispatched']);
    clock.advance(1);
    expect(await waiting).toMatchObject({
      outcome: 'EvictedTTL',
      refusal: { status: 429, reason: 'rejected-ttl-expired' },
    });
  });

  test('without endpoints a request waits for one, on a budget of its own', async () => {
    const { ask, settle, clock, order, setEndpoints } = setUp(10, {
      ttlMs: 100,
      noEndpointTtlMs: 1000,
    });
    setEndpoints(false);
    void ask({ id: 'patient' });
    const late = ask({ id: 'late', receivedMs: 1 });
    clock.advance(900);
    setEndpoints(true);
    await settle();
    expect(order).toEqual(['patient', 'late']);
    expect((await late).kind).toBe('admitted');
    setEndpoints(false);
    const lost = ask();
    clock.advance(1000);
    expect(await lost).toMatchObject({ outcome: 'EvictedNoEndpoints', refusal: { status: 503 } });
  });

  test('a client that leaves frees its place at once', async () => {
    const { ask, settle, controller, clock } = setUp(1);
    void ask();
    await settle();
    const client = new AbortController();
    const waiting = ask({}, client.signal);
    client.abort();
    expect(await waiting).toMatchObject({
      outcome: 'EvictedContextCancelled',
      refusal: { reason: 'rejected-context-cancelled' },
    });
    expect(await ask({}, client.signal)).toMatchObject({ outcome: 'EvictedContextCancelled' });
    expect(controller.snapshot()).toMatchObject({ requests: 0, bytes: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  test('closing refuses what waits and what comes', async () => {
    const { ask, settle, controller, clock } = setUp(1);
    void ask();
    await settle();
    const waiting = ask();
    controller.close();
    expect(await waiting).toMatchObject({
      outcome: 'EvictedOther',
      refusal: { reason: 'rejected-shutting-down' },
    });
    expect(await ask()).toMatchObject({ outcome: 'RejectedOther' });
    expect(clock.pendingTimers).toBe(0);
  });
});

test('whatever happens, everybody is told once and nothing is left behind', async () => {
  const command = fc.oneof(
    fc.record({ ask: fc.integer({ min: -2, max: 2 }), flow: fc.constantFrom('a', 'b') }),
    fc.record({ leave: fc.nat(20) }),
    fc.record({ pass: fc.integer({ min: 1, max: 400 }) }),
    fc.constantFrom('free', 'lose', 'gain'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 60 }), async (commands) => {
      const set = setUp(3, { ttlMs: 500, noEndpointTtlMs: 300, maxRequests: 12 });
      const asked: Promise<unknown>[] = [];
      const clients: AbortController[] = [];
      let admitted = 0;
      for (const command of commands) {
        if (command === 'free') {
          if (admitted < set.order.length) set.free();
          admitted = Math.min(set.order.length, admitted + 1);
        } else if (command === 'lose') set.setEndpoints(false);
        else if (command === 'gain') set.setEndpoints(true);
        else if ('ask' in command) {
          const client = new AbortController();
          clients.push(client);
          asked.push(set.ask({ priority: command.ask, fairnessId: command.flow }, client.signal));
        } else if ('leave' in command) clients[command.leave]?.abort();
        else set.clock.advance(command.pass);
        await set.settle();
      }
      set.clock.advance(1000);
      await Promise.all(asked);
      expect(set.outcomes).toHaveLength(asked.length);
      expect(set.controller.snapshot()).toMatchObject({ requests: 0, bytes: 0, unplaced: 0 });
      expect(set.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 60 },
  );
});
