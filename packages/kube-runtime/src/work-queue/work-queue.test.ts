import { VirtualClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createTokenBucket } from './rate-limiter.ts';
import {
  workQueueAdds,
  workQueueDepth,
  workQueueLongest,
  workQueueRetries,
  workQueueUnfinished,
  workQueueWait,
  workQueueWork,
} from './work-queue-metrics.ts';
import { createWorkQueue, type WorkQueue, type WorkQueueOptions } from './work-queue.ts';

const bench = (options: Partial<WorkQueueOptions> = {}) => {
  const clock = new VirtualClock();
  return { clock, queue: createWorkQueue({ name: 'suite', clock, ...options }) };
};

const drained = async (queue: WorkQueue): Promise<string[]> => {
  const keys: string[] = [];
  while (queue.size > 0) {
    const key = await queue.take();
    if (key === undefined) break;
    keys.push(key);
    queue.done(key);
  }
  return keys;
};

test('keys come in the order of their arrival, each once', async () => {
  const { queue } = bench();
  for (const key of ['a', 'b', 'a', 'c', 'b']) expect(queue.add(key)).toBe(true);
  expect(queue.size).toBe(3);
  expect(await drained(queue)).toEqual(['a', 'b', 'c']);
});

test('a key that is worked on comes again afterwards, and to nobody else meanwhile', async () => {
  const { queue } = bench();
  queue.add('a');
  expect(await queue.take()).toBe('a');
  queue.add('a');
  queue.add('a');
  expect([queue.size, queue.active]).toEqual([0, 1]);
  const second = queue.take();
  queue.done('a');
  expect(await second).toBe('a');
  queue.done('a');
  expect([queue.size, queue.active]).toEqual([0, 0]);
});

test('whoever has waited longest is served first', async () => {
  const { queue } = bench();
  const [first, second] = [queue.take(), queue.take()];
  queue.add('a');
  queue.add('b');
  expect(await Promise.all([first, second])).toEqual(['a', 'b']);
});

test('a delayed key comes when it is due, and the earliest of several times counts', async () => {
  const { queue, clock } = bench();
  queue.addAfter('a', 5000);
  queue.addAfter('a', 1000);
  queue.addAfter('a', 9000);
  expect([queue.delayed, clock.pendingTimers]).toEqual([1, 1]);
  clock.advance(999);
  expect(queue.size).toBe(0);
  clock.advance(1);
  expect(await drained(queue)).toEqual(['a']);
  clock.advance(10_000);
  expect([queue.size, queue.delayed, clock.pendingTimers]).toEqual([0, 0, 0]);
});

test.each([0, -1])('a delay of %d ms is none', (delayMs) => {
  const { queue, clock } = bench();
  queue.addAfter('a', delayMs);
  expect([queue.size, clock.pendingTimers]).toEqual([1, 0]);
});

describe('retries', () => {
  const waitOf = ({ queue, clock }: ReturnType<typeof bench>): number => {
    const beforeMs = clock.nowMs();
    queue.retry('a');
    while (queue.size === 0) clock.step();
    return clock.nowMs() - beforeMs;
  };

  test('wait twice as long each time, up to a bound, until the key is forgotten', async () => {
    const given = bench({ retry: { initialMs: 5, maxMs: 30 } });
    const waits: number[] = [];
    for (let count = 0; count < 5; count++) {
      waits.push(waitOf(given));
      await drained(given.queue);
    }
    expect(waits).toEqual([5, 10, 20, 30, 30]);
    expect(given.queue.failures('a')).toBe(5);
    given.queue.forget('a');
    expect(given.queue.failures('a')).toBe(0);
    expect(waitOf(given)).toBe(5);
  });

  test('of many keys wait for each other once the burst is used up', () => {
    const { queue, clock } = bench({ retry: { initialMs: 1, perSecond: 10, burst: 3 } });
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.retry(key);
    clock.advance(1);
    expect(queue.size).toBe(3);
    clock.advance(98);
    expect(queue.size).toBe(3);
    clock.advance(1);
    expect(queue.size).toBe(4);
    clock.advance(100);
    expect(queue.size).toBe(5);
  });

  test('a key that fails for years does not wait forever', () => {
    const { queue, clock } = bench({ retry: { maxMs: 1000, burst: 10_000 } });
    for (let count = 0; count < 2000; count++) queue.retry('a');
    clock.advance(1000);
    expect(queue.size).toBe(1);
  });

  test.each([{ initialMs: 0 }, { maxMs: 1 }, { perSecond: 0 }, { burst: 0 }, { initialMs: NaN }])(
    '%o is refused',
    (retry) => {
      expect(() => bench({ retry })).toThrow(RangeError);
    },
  );
});

test('permits that were reserved ahead are paid back before there are new ones', () => {
  const clock = new VirtualClock();
  const bucket = createTokenBucket(clock, { perSecond: 10, burst: 1 });
  expect([bucket.reserveMs(), bucket.reserveMs(), bucket.reserveMs()]).toEqual([0, 100, 200]);
  clock.advance(200);
  expect(bucket.take()).toBe(false);
  clock.advance(100);
  expect([bucket.take(), bucket.take()]).toEqual([true, false]);
});

test('a full queue says so and loses nothing that it has', async () => {
  const { queue, clock } = bench({ maxKeys: 2 });
  expect([queue.add('a'), queue.addAfter('b', 10)]).toEqual([true, true]);
  expect([queue.add('c'), queue.addAfter('c', 10), queue.retry('c')]).toEqual([
    false,
    false,
    false,
  ]);
  expect([queue.add('a'), queue.addAfter('b', 5)]).toEqual([true, true]);
  clock.advance(10);
  expect(await drained(queue)).toEqual(['a', 'b']);
  expect(queue.add('c')).toBe(true);
});

test('a closed queue gives nothing out, takes nothing in and leaves no timer', async () => {
  const { queue, clock } = bench();
  queue.add('a');
  queue.addAfter('b', 10);
  await queue.take();
  queue.add('a');
  const waiting = queue.take();
  queue.close();
  expect(await waiting).toBeUndefined();
  expect(await queue.take()).toBeUndefined();
  expect([queue.add('c'), queue.addAfter('c', 1), queue.add('a')]).toEqual([false, false, false]);
  queue.done('a');
  expect([queue.size, queue.delayed, queue.active, clock.pendingTimers]).toEqual([0, 0, 0, 0]);
});

test('waiting for a key ends with its signal and takes none', async () => {
  const { queue } = bench();
  const stop = new AbortController();
  const waiting = queue.take(stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
  await expect(queue.take(stop.signal)).rejects.toMatchObject({ code: 'ABORTED' });
  queue.add('a');
  expect(queue.size).toBe(1);
});

test('what it does is measured under the names that client-go has', async () => {
  const metrics = recordingMetrics();
  const { queue, clock } = bench({ telemetry: { ...noopTelemetry, metrics } });
  const own = { name: 'suite', controller: 'suite' };
  const depth = () => metrics.value(workQueueDepth, { ...own, priority: '' });
  queue.add('a');
  queue.add('a');
  queue.add('b');
  expect([metrics.value(workQueueAdds, own), depth()]).toEqual([2, 2]);
  clock.advance(2000);
  await queue.take();
  clock.advance(3000);
  expect(metrics.value(workQueueUnfinished, own)).toBe(3);
  expect(metrics.value(workQueueLongest, own)).toBe(3);
  queue.retry('a');
  queue.done('a');
  expect(metrics.observations(workQueueWait, own)).toEqual([2]);
  expect(metrics.observations(workQueueWork, own)).toEqual([3]);
  expect(metrics.value(workQueueRetries, own)).toBe(1);
  expect(metrics.value(workQueueUnfinished, own)).toBe(0);
  queue.close();
  expect([depth(), clock.pendingTimers]).toEqual([0, 0]);
});

test('nothing that was added last is ever lost, and no key is with two at once', async () => {
  const step = fc.record({
    does: fc.constantFrom('add', 'later', 'retry', 'take', 'done', 'pass'),
    key: fc.constantFrom('a', 'b', 'c'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { queue, clock } = bench();
      const held = new Set<string>();
      /** Added since it was last taken. */
      const owed = new Set<string>();
      const take = async (): Promise<void> => {
        const key = queue.size > 0 ? await queue.take() : undefined;
        if (key === undefined) return;
        expect(held.has(key)).toBe(false);
        held.add(key);
        owed.delete(key);
      };
      for (const { does, key } of steps) {
        if (does === 'add') queue.add(key);
        if (does === 'later') queue.addAfter(key, 50);
        if (does === 'retry') queue.retry(key);
        if (['add', 'later', 'retry'].includes(does)) owed.add(key);
        if (does === 'take') await take();
        if (does === 'done' && held.delete(key)) queue.done(key);
        if (does === 'pass') clock.advance(20);
      }
      for (const key of held) queue.done(key);
      held.clear();
      clock.run();
      while (queue.size > 0) {
        await take();
        for (const key of held) queue.done(key);
        held.clear();
        clock.run();
      }
      await setImmediate();
      expect([...owed]).toEqual([]);
      expect([queue.size, queue.active, queue.delayed]).toEqual([0, 0, 0]);
    }),
  );
});
