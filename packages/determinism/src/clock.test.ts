import { describe, expect, test } from 'vitest';
import { AbortedError, sleep } from './clock.ts';
import { systemClock } from './system-clock.ts';
import { VirtualClock } from './virtual-clock.ts';

describe('sleep', () => {
  test('resolves when its time has come', async () => {
    const clock = new VirtualClock();
    const slept = sleep(clock, 100);
    clock.advance(100);
    await expect(slept).resolves.toBeUndefined();
  });

  test.each([['before'], ['while']])('rejects when its signal aborts %s it waits', async (when) => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    if (when === 'before') controller.abort('enough');
    const slept = sleep(clock, 100, controller.signal);
    controller.abort('enough');
    await expect(slept).rejects.toThrow(AbortedError);
    await expect(slept).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' });
    expect(clock.pendingTimers).toBe(0);
  });
});

test('the system clock runs a timer asynchronously and forgets a cancelled one', async () => {
  const order: string[] = [];
  const cancelled = systemClock.schedule(0, () => order.push('cancelled'));
  cancelled.cancel();
  const done = sleep(systemClock, -5).then(() => order.push('fired'));
  order.push('set');
  await done;
  expect(order).toEqual(['set', 'fired']);
});
