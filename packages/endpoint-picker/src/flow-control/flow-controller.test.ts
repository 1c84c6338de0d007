import type { FairnessPolicy, UsageLimitPolicy } from '@llm-d/scheduler-core';
import { describe, expect, test } from 'vitest';
import { band, firstFlow, poolOf } from './pool.testing.ts';

describe('dispatching', () => {
  test('lets requests through while there is room, and the next one as soon as there is', async () => {
    const { ask, order, settle, free } = poolOf(2);
    for (const id of ['a', 'b', 'c', 'd']) void ask({ id });
    await settle();
    expect(order).toEqual(['a', 'b']);
    free();
    await settle();
    expect(order).toEqual(['a', 'b', 'c']);
  });

  test('needs no promise where there is room', () => {
    const { controller, inFlight, ask } = poolOf(1);
    void ask();
    expect(inFlight).toHaveLength(1);
    expect(controller.snapshot()).toMatchObject({ requests: 0, unplaced: 0 });
  });

  test('serves higher priorities first, and lower ones never overtake', async () => {
    const { ask, order, settle, resize } = poolOf(0.1);
    void ask({ id: 'first' });
    await settle();
    void ask({ id: 'low', priority: -1 });
    void ask({ id: 'high', priority: 5 });
    void ask({ id: 'normal', priority: 0 });
    resize(100);
    await settle();
    expect(order).toEqual(['first', 'high', 'normal', 'low']);
  });

  const halfForLow: UsageLimitPolicy = {
    ceilings: (priorities) => priorities.map((p) => (p < 0 ? 0.5 : 1)),
  };

  test('a band closes at its own ceiling, and with it all below', async () => {
    const { ask, order, settle } = poolOf(4, { usageLimit: halfForLow });
    for (let i = 0; i < 4; i++) void ask({ id: `low${i}`, priority: -1 });
    await settle();
    expect(order).toEqual(['low0', 'low1']);
    void ask({ id: 'normal' });
    await settle();
    expect(order).toEqual(['low0', 'low1', 'normal']);
  });

  test('bands in which nothing waits count for the ceilings and stop nobody', () => {
    const asked: (readonly number[])[] = [];
    const { ask, order } = poolOf(4, {
      priorities: [9, 0],
      usageLimit: {
        ceilings: (priorities) => {
          asked.push(priorities);
          return priorities.map((p) => (p === 9 ? 0 : 1));
        },
      },
    });
    void ask({ id: 'a', priority: -3 });
    expect(asked).toEqual([[9, 0, -3]]);
    expect(order).toEqual(['a']);
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
    const { ask, order, settle, clock } = poolOf(1, { usageLimit });
    void ask({ id: 'a' });
    clock.advance(10);
    await settle();
    expect(order).toEqual([]);
    clock.advance(10);
    await settle();
    expect(order).toEqual(['a']);
    expect(clock.pendingTimers).toBe(0);
  });

  test('what was let through and has no endpoint yet takes room', () => {
    const { controller } = poolOf(2);
    const signal = new AbortController().signal;
    const request = {
      id: 'r',
      priority: 0,
      fairnessId: 'a',
      model: 'm',
      targetModel: 'm',
      bytes: 70,
      receivedMs: 0,
      ttftObjectiveMs: undefined,
    };
    const first = controller.admit(request, signal);
    const second = controller.admit(request, signal);
    expect(controller.admit(request, signal)).toBeInstanceOf(Promise);
    expect(controller.snapshot()).toMatchObject({ unplaced: 2, requests: 1, bytes: 70 });
    for (const admission of [first, second]) {
      if ('kind' in admission && admission.kind === 'admitted') admission.passage.ended(undefined);
    }
    expect(controller.snapshot()).toMatchObject({ unplaced: 1, requests: 0, bytes: 0 });
  });
});

describe('a passage', () => {
  const books = (): FairnessPolicy & { readonly lines: string[] } => {
    const lines: string[] = [];
    return {
      ...firstFlow,
      lines,
      dispatched: ({ id }) => void lines.push(`${id} dispatched`),
      ended: ({ id }, usage) => void lines.push(`${id} ended ${usage?.promptTokens ?? '-'}`),
    };
  };

  test('tells the fairness policy of the beginning and the end, once each', async () => {
    const fairness = books();
    const { ask, controller } = poolOf(5, { bandOf: () => band({ fairness }) });
    const admission = await ask({ id: 'r' });
    if (admission.kind === 'refused') throw new Error(admission.refusal.message);
    const usage = { promptTokens: 7, completionTokens: 1, cachedTokens: undefined };
    admission.passage.ended(usage);
    admission.passage.ended(undefined);
    admission.passage.placed(() => undefined);
    expect(fairness.lines).toEqual(['r dispatched', 'r ended 7']);
    expect(controller.snapshot().unplaced).toBe(0);
  });

  test('of a further attempt is open at once, however full the pool is', () => {
    const fairness = books();
    const { controller, ask } = poolOf(1, { bandOf: () => band({ fairness }) });
    void ask({ id: 'first' });
    const passage = controller.readmit({
      id: 'again',
      priority: 0,
      fairnessId: 'a',
      model: 'm',
      targetModel: 'm',
      bytes: 1,
      receivedMs: 0,
      ttftObjectiveMs: undefined,
    });
    passage.ended(undefined);
    expect(fairness.lines).toEqual(['first dispatched', 'again dispatched', 'again ended -']);
  });
});

describe('refusals', () => {
  test.each([
    ['a band of requests', { bandOf: () => band({ maxRequests: 1 }) }],
    ['a band of bytes', { bandOf: () => band({ maxBytes: 150 }) }],
    ['all bands together, by requests', { maxRequests: 1 }],
    ['all bands together, by bytes', { maxBytes: 150 }],
  ])('%s has its bound', async (_, overrides) => {
    const { ask, settle, outcomes, setEndpoints } = poolOf(1, overrides);
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
    expect(outcomes()).toEqual(['Dispatched', 'RejectedCapacity', 'RejectedNoEndpoints']);
  });

  test('a wait ends exactly when its time is over', async () => {
    const { ask, settle, clock, outcomes } = poolOf(1, { bandOf: () => band({ ttlMs: 500 }) });
    void ask();
    await settle();
    const waiting = ask();
    clock.advance(499);
    expect(outcomes()).toEqual(['Dispatched']);
    clock.advance(1);
    expect(await waiting).toMatchObject({
      outcome: 'EvictedTTL',
      waitedMs: 500,
      refusal: { status: 429, reason: 'rejected-ttl-expired' },
    });
  });

  test.each([
    ['shortens the wait of its band', 500, 200, 200],
    ['does not lengthen it', 500, 900, 500],
    ['bounds a wait without end', 0, 200, 200],
  ])('a client %s', async (_, ttlMs, asked, expected) => {
    const { ask, clock } = poolOf(1, { bandOf: () => band({ ttlMs }) });
    void ask();
    const waiting = ask({ ttlMs: asked });
    clock.advance(1000);
    expect(await waiting).toMatchObject({ outcome: 'EvictedTTL', waitedMs: expected });
  });

  test('a wait of 0 has no end', () => {
    const { ask, clock, outcomes } = poolOf(1, { bandOf: () => band({ ttlMs: 0 }) });
    void ask();
    void ask();
    clock.advance(1e9);
    expect([outcomes(), clock.pendingTimers]).toEqual([['Dispatched'], 0]);
  });

  test('without endpoints a request waits for one, on a budget of its own', async () => {
    const { ask, settle, clock, order, setEndpoints } = poolOf(10, {
      bandOf: () => band({ ttlMs: 100 }),
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

  test('the budget begins anew when endpoints come or go', async () => {
    const { ask, clock, setEndpoints, resize } = poolOf(1, {
      bandOf: () => band({ ttlMs: 100 }),
      noEndpointTtlMs: 1000,
    });
    resize(0.1);
    void ask();
    setEndpoints(false);
    const waiting = ask();
    clock.advance(999);
    setEndpoints(true);
    clock.advance(99);
    setEndpoints(false);
    clock.advance(1000);
    expect(await waiting).toMatchObject({ outcome: 'EvictedNoEndpoints', waitedMs: 2098 });
  });

  test('a client that leaves frees its place at once', async () => {
    const { ask, settle, controller, clock } = poolOf(1);
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
    const { ask, settle, controller, clock } = poolOf(1);
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

describe('bands', () => {
  const prioritiesOf = ({ controller }: ReturnType<typeof poolOf>) =>
    controller.snapshot().bands.map(({ priority }) => priority);

  test('come up with their first request and go after ten minutes without one', () => {
    const set = poolOf(1, {
      priorities: [7],
      bandOf: (priority) => band({ isPermanent: priority === 7, ttlMs: 0 }),
    });
    void set.ask({ priority: 3 });
    set.clock.advance(300_000);
    void set.ask({ priority: -2 });
    expect(prioritiesOf(set)).toEqual([7, 3, -2]);
    set.clock.advance(300_000);
    set.controller.collect();
    expect(prioritiesOf(set)).toEqual([7, -2]);
    set.clock.advance(1e9);
    set.controller.collect();
    expect(prioritiesOf(set)).toEqual([7, -2]);
    set.free();
    set.controller.collect();
    expect(prioritiesOf(set)).toEqual([7]);
  });
});
