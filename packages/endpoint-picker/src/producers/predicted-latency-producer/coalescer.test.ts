import { VirtualClock } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { createCoalescer, type CoalescerOptions } from './coalescer.ts';

type Options = Partial<CoalescerOptions<number, string>>;
const settle = () => new Promise((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

function setUp(options: Options = {}) {
  const clock = new VirtualClock();
  const sent: (readonly number[])[] = [];
  const answers: (() => void)[] = [];
  const coalescer = createCoalescer<number, string>({
    clock,
    windowMs: 1,
    maxRows: 0,
    maxConcurrent: 2,
    maxWaitingRows: 100,
    send: (rows) => {
      sent.push(rows);
      return new Promise((resolve) => {
        answers.push(() => {
          resolve(rows.map((row) => `r${row}`));
        });
      });
    },
    ...options,
  });
  const answer = async () => {
    answers.shift()?.();
    await settle();
  };
  return { clock, sent, coalescer, answer };
}

describe('questions that arrive together', () => {
  test('leave in one call when the window is over, and each gets its own answers', async () => {
    const { clock, sent, coalescer, answer } = setUp();
    const first = coalescer.submit([1, 2], never);
    const second = coalescer.submit([3], never);
    expect(sent).toEqual([]);
    clock.advance(1);
    expect(sent).toEqual([[1, 2, 3]]);
    await answer();
    expect(await first).toEqual(['r1', 'r2']);
    expect(await second).toEqual(['r3']);
    expect(clock.pendingTimers).toBe(0);
    expect(coalescer.underWay).toBe(0);
  });

  test('leave earlier when they are many', () => {
    const { clock, sent, coalescer } = setUp({ maxRows: 3 });
    void coalescer.submit([1, 2], never);
    void coalescer.submit([3, 4], never);
    expect(sent).toEqual([[1, 2, 3, 4]]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('leave alone without a window', () => {
    const { sent, coalescer } = setUp({ windowMs: 0 });
    void coalescer.submit([1], never);
    void coalescer.submit([2], never);
    expect(sent).toEqual([[1], [2]]);
  });

  test('wait for a free place', async () => {
    const { sent, coalescer, answer } = setUp({ windowMs: 0, maxConcurrent: 1 });
    void coalescer.submit([1], never);
    void coalescer.submit([2], never);
    expect(sent).toEqual([[1]]);
    await answer();
    expect(sent).toEqual([[1], [2]]);
  });

  test('all learn of a failure', async () => {
    const { clock, coalescer } = setUp({ send: () => Promise.reject(new Error('down')) });
    const both = Promise.allSettled([coalescer.submit([1], never), coalescer.submit([2], never)]);
    clock.advance(1);
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(coalescer.underWay).toBe(0);
  });
});

test('what nobody waits for any more is not sent', async () => {
  const { clock, sent, coalescer } = setUp();
  const gone = new AbortController();
  const left = coalescer.submit([1], gone.signal);
  void coalescer.submit([2], never);
  gone.abort();
  await expect(left).rejects.toMatchObject({ code: 'COALESCER' });
  clock.advance(1);
  expect(sent).toEqual([[2]]);
});

test('more rows than may wait are refused, and there is room again when some have left', async () => {
  const { coalescer, answer } = setUp({ windowMs: 0, maxConcurrent: 1, maxWaitingRows: 2 });
  void coalescer.submit([1], never);
  void coalescer.submit([2, 3], never);
  await expect(coalescer.submit([4], never)).rejects.toThrow('2 rows wait already');
  await answer();
  const later = coalescer.submit([5], never);
  await answer();
  await answer();
  expect(await later).toEqual(['r5']);
});

test('a closed one refuses what waits and what comes, and leaves no timer', async () => {
  const { clock, coalescer } = setUp();
  const waiting = coalescer.submit([1], never);
  coalescer.close();
  await expect(waiting).rejects.toThrow('closed');
  await expect(coalescer.submit([2], never)).rejects.toThrow('closed');
  expect(clock.pendingTimers).toBe(0);
});
