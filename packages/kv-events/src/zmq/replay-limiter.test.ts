import { expect, test } from 'vitest';
import { createReplayLimiter } from './replay-limiter.ts';

const { signal } = new AbortController();

/** Replays that end when they are told to. */
const replaying = () => {
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const replay = (number: number) => () => {
    started.push(number);
    return new Promise<number>((resolve) =>
      ends.push(() => {
        resolve(number);
      }),
    );
  };
  return { started, ends, replay };
};

test('so many run at once, the others in the order in which they came', async () => {
  const limiter = createReplayLimiter({ atOnce: 2 });
  const { started, ends, replay } = replaying();
  const all = [0, 1, 2, 3].map((number) => limiter.run(replay(number), signal));
  await Promise.resolve();
  expect(started).toEqual([0, 1]);
  ends[1]?.();
  await all[1];
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2]);
  ends[0]?.();
  ends[2]?.();
  await all[2];
  await Promise.resolve();
  ends[3]?.();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
});

test('one that fails makes room as well', async () => {
  const limiter = createReplayLimiter({ atOnce: 1 });
  const failing = limiter.run(() => Promise.reject(new Error('broken')), signal);
  const next = limiter.run(() => Promise.resolve('done'), signal);
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('done');
});

test('one that waits can leave, and takes no turn', async () => {
  const limiter = createReplayLimiter({ atOnce: 1 });
  const { started, ends, replay } = replaying();
  const leaving = new AbortController();
  const first = limiter.run(replay(0), signal);
  const second = limiter.run(replay(1), leaving.signal);
  const third = limiter.run(replay(2), signal);
  leaving.abort(new Error('no longer'));
  await expect(second).rejects.toThrow('no longer');
  await expect(limiter.run(replay(3), AbortSignal.abort(new Error('never')))).rejects.toThrow(
    'never',
  );
  ends[0]?.();
  await first;
  await Promise.resolve();
  ends[1]?.();
  await third;
  expect(started).toEqual([0, 2]);
});
