import { VirtualClock } from '@llm-d/determinism';
import { expect, test } from 'vitest';
import { createTalkLimit } from './talk-limit.ts';

test('what a program says again and again is shown every ten seconds', () => {
  const clock = new VirtualClock();
  const mayTalk = createTalkLimit(clock);
  const failed = (requestId: string, producer = 'tokens-1') =>
    mayTalk('gateway', JSON.stringify({ msg: 'data producer failed', producer, requestId }));
  expect([failed('a'), failed('b'), failed('c', 'tokens-2')]).toEqual([true, false, true]);
  clock.advance(10_000);
  expect(failed('d')).toBe(true);
});

test('other programs and other words are shown at once', () => {
  const mayTalk = createTalkLimit(new VirtualClock());
  const lines = [
    ['engine-1', 'plain'],
    ['engine-2', 'plain'],
    ['engine-1', '{"level":30}'],
    ['engine-1', '{"level":31}'],
    ['engine-1', '{half'],
  ] as const;
  expect(lines.map(([program, line]) => mayTalk(program, line))).toEqual(lines.map(() => true));
});
