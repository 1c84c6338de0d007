import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PublishLanes } from './publish-lanes.ts';

test('whatever order tasks settle in, and however, each waits for those that it must be behind', async () => {
  const task = fc.record({
    pod: fc.constantFrom('a', 'b'),
    rank: fc.constantFrom(0, 1, undefined),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(task, { maxLength: 12 }), fc.scheduler(), async (tasks, s) => {
      const lanes = new PublishLanes();
      const settled = new Set<number>();
      const results = tasks.map(({ pod, rank, fails }, i) =>
        lanes.run(pod, rank, async () => {
          const before = tasks.flatMap((other, j) => {
            const together = other.rank === rank || other.rank === undefined || rank === undefined;
            return j < i && other.pod === pod && together ? [j] : [];
          });
          expect(before.filter((j) => !settled.has(j))).toEqual([]);
          await s.schedule(Promise.resolve());
          settled.add(i);
          if (fails) throw new Error('no');
          return i;
        }),
      );
      const outcomes = Promise.allSettled(results);
      await s.waitFor(outcomes);
      expect((await outcomes).map(({ status }) => status)).toEqual(
        tasks.map(({ fails }) => (fails ? 'rejected' : 'fulfilled')),
      );
      expect(lanes.size).toBe(0);
    }),
  );
});

test('tasks of different ranks and pods run side by side', () => {
  const lanes = new PublishLanes();
  const begun: string[] = [];
  const never = (name: string) => () => {
    begun.push(name);
    return new Promise(() => undefined);
  };
  void lanes.run('a', 0, never('a0'));
  void lanes.run('a', 0, never('a0 again'));
  void lanes.run('a', 1, never('a1'));
  void lanes.run('b', 0, never('b0'));
  expect(begun).toEqual(['a0', 'a1', 'b0']);
});
