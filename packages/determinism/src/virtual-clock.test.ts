import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from './virtual-clock.ts';

describe('a virtual clock', () => {
  test('fires timers in the order of their instants, equal ones in the order they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (delays) => {
        const clock = new VirtualClock();
        const fired: [number, number][] = [];
        delays.forEach((delay, i) => {
          clock.schedule(delay, () => fired.push([clock.nowMs(), i]));
        });
        clock.run();
        const expected = delays
          .map((delay, i) => [delay, i] as [number, number])
          .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        expect(fired).toEqual(expected);
      }),
    );
  });

  test('fires what a callback sets, in the same run', () => {
    const clock = new VirtualClock();
    const at: number[] = [];
    clock.schedule(5, () => {
      clock.schedule(3, () => at.push(clock.nowMs()));
    });
    expect(clock.run()).toBe(2);
    expect(at).toEqual([8]);
  });

  test('never fires a cancelled timer and counts only living ones', () => {
    const clock = new VirtualClock();
    const timer = clock.schedule(1, () => {
      throw new Error('cancelled timers must not fire');
    });
    clock.schedule(2, () => undefined);
    timer.cancel();
    timer.cancel();
    expect(clock.pendingTimers).toBe(1);
    expect(clock.run()).toBe(1);
    timer.cancel();
    expect(clock.pendingTimers).toBe(0);
  });

  test('advances to the instant asked for, also when nothing is due', () => {
    const clock = new VirtualClock({ epochMs: 1000 });
    const fired: number[] = [];
    clock.schedule(10, () => fired.push(10));
    clock.advance(9.5);
    expect([clock.nowMs(), clock.epochMs(), fired]).toEqual([9.5, 1009.5, []]);
    clock.advance(0.5);
    expect(fired).toEqual([10]);
  });
});
