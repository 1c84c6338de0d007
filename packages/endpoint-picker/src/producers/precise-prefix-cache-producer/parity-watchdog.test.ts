import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ParityWatchdog, type ParityTrial } from './parity-watchdog.ts';

const trial = (knownBlocks: number, expectedBlocks = 10): ParityTrial => ({
  knownBlocks,
  expectedBlocks,
});
const good = trial(10);
const bad = trial(0);
const after = (...trials: readonly ParityTrial[]) => {
  const watchdog = new ParityWatchdog();
  const verdicts = trials.map((each) => watchdog.observe(each));
  return { watchdog, verdicts: verdicts.filter((verdict) => verdict !== undefined) };
};
const times = (count: number, each: ParityTrial) => new Array<ParityTrial>(count).fill(each);

describe('tokens that agree', () => {
  test('are trusted before anything is known', () => {
    expect(new ParityWatchdog()).toMatchObject({ isTrusted: true, share: undefined, trials: 0 });
  });

  test('are still trusted where many blocks are evicted before anybody looks', () => {
    const { watchdog } = after(...times(100, trial(1)));
    expect(watchdog).toMatchObject({ isTrusted: true, share: 0.1, trials: 32 });
  });

  test('are not suspected for the sake of a few requests', () => {
    expect(after(...times(15, bad)).watchdog.isTrusted).toBe(true);
  });
});

describe('tokens that diverge', () => {
  test('are found out by sixteen requests of which nothing turns up', () => {
    const { watchdog, verdicts } = after(...times(16, bad));
    expect(watchdog).toMatchObject({ isTrusted: false, share: 0 });
    expect(verdicts).toEqual(['diverged']);
  });

  test('are found out later, too, once nothing turns up any more', () => {
    const { watchdog, verdicts } = after(...times(50, good), ...times(31, bad));
    expect(watchdog.isTrusted).toBe(false);
    expect(verdicts).toEqual(['diverged']);
  });

  test('are trusted again after eight in a row that turn up', () => {
    const almost = [...times(7, good), bad];
    const { watchdog, verdicts } = after(...times(16, bad), ...almost, ...times(7, good));
    expect(watchdog.isTrusted).toBe(false);
    expect(verdicts).toEqual(['diverged']);
    expect(watchdog.observe(good)).toBe('agreed');
    expect(watchdog).toMatchObject({ isTrusted: true, share: 1, trials: 8 });
  });

  test('must be found out anew after they agreed', () => {
    const { verdicts } = after(...times(16, bad), ...times(8, good), ...times(60, bad));
    expect(verdicts).toEqual(['diverged', 'agreed', 'diverged']);
  });
});

test('whoever has half of the blocks turn up is never distrusted, whatever the order', () => {
  const anyGood = fc.integer({ min: 1, max: 5000 }).chain((expected) =>
    fc.record({
      expectedBlocks: fc.constant(expected),
      knownBlocks: fc.integer({ min: Math.ceil(expected / 2), max: expected }),
    }),
  );
  fc.assert(
    fc.property(fc.array(anyGood, { maxLength: 100 }), (trials) => {
      expect(after(...trials).verdicts).toEqual([]);
    }),
  );
});

test('verdicts take turns, and nobody is distrusted of whom more than a twentieth turns up', () => {
  const any = fc.record({
    expectedBlocks: fc.constant(20),
    knownBlocks: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(
      fc.array(fc.oneof(any, fc.constant(trial(0, 20))), { maxLength: 200 }),
      (trials) => {
        const watchdog = new ParityWatchdog();
        let isTrusted = true;
        for (const each of trials) {
          const verdict = watchdog.observe(each);
          if (verdict === 'diverged')
            expect([isTrusted, (watchdog.share ?? 1) <= 0.05]).toEqual([true, true]);
          if (verdict === 'agreed') expect(isTrusted).toBe(false);
          if (verdict !== undefined) isTrusted = !isTrusted;
          expect(watchdog.isTrusted).toBe(isTrusted);
        }
      },
    ),
  );
});
