import { VirtualClock } from '@llm-d/determinism';
import { expect, test } from 'vitest';
import { createLogLimiter } from './log-limiter.ts';

test('one message in a while is written, with the number of those kept back', () => {
  const clock = new VirtualClock();
  const limiter = createLogLimiter(clock, 100);
  const written: number[] = [];
  for (const waitMs of [0, 10, 10, 80, 10, 1000]) {
    clock.advance(waitMs);
    limiter.write((keptBack) => written.push(keptBack));
  }
  expect(written).toEqual([0, 2, 1]);
});
