import { VirtualClock } from '@llm-d/determinism';
import { expect, test } from 'vitest';
import { drainWindow } from './drain-window.ts';

/** Lets everything happen that needs no time. */
async function settled(state: { readonly isClosed: boolean }): Promise<boolean> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  return state.isClosed;
}

/** Advances until the window closes; how long that took. */
async function lasts(clock: VirtualClock, closed: Promise<void>): Promise<number> {
  const startMs = clock.nowMs();
  const state = { isClosed: false };
  void closed.then(() => (state.isClosed = true));
  while (!(await settled(state))) clock.advance(10);
  return clock.nowMs() - startMs;
}

test('lasts as long as it should while somebody is there', async () => {
  const clock = new VirtualClock();
  expect(
    await lasts(
      clock,
      drainWindow(clock).wait(250, () => false),
    ),
  ).toBe(250);
});

test('ends when nobody is there any more', async () => {
  const clock = new VirtualClock();
  const gone = () => clock.nowMs() >= 130;
  expect(await lasts(clock, drainWindow(clock).wait(10_000, gone))).toBe(200);
});

test('does not begin for no time, or where nobody is there', async () => {
  const clock = new VirtualClock();
  expect(
    await lasts(
      clock,
      drainWindow(clock).wait(0, () => false),
    ),
  ).toBe(0);
  expect(
    await lasts(
      clock,
      drainWindow(clock).wait(1000, () => true),
    ),
  ).toBe(0);
});

test('ends at once when it is told to', async () => {
  const clock = new VirtualClock();
  const window = drainWindow(clock);
  const closed = window.wait(10_000, () => false);
  await Promise.resolve();
  window.end();
  expect(await lasts(clock, closed)).toBe(0);
});
