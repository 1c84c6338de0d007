import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PublishWindow } from './publish-window.ts';

test('never more are inside than may be, all get in, in their order', async () => {
  const sizes = fc.array(fc.nat(30), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.scheduler(), async (messages, s) => {
      const window = new PublishWindow({ maxMessages: 4, maxBytes: 20 });
      const inside = new Set<number>();
      const entered: number[] = [];
      const all = messages.map(async (bytes, i) => {
        await window.enter(bytes);
        inside.add(bytes);
        entered.push(i);
        expect(window.messages).toBeLessThanOrEqual(bytes > 20 ? 1 : 4);
        await s.schedule(Promise.resolve());
        window.leave(bytes);
      });
      await s.waitFor(Promise.all(all));
      expect(entered).toEqual(messages.map((_, i) => i));
      expect(window.messages).toBe(0);
    }),
  );
});

test('bytes are limited as well as messages', async () => {
  const window = new PublishWindow({ maxMessages: 10, maxBytes: 100 });
  await window.enter(60);
  let second = false;
  const entering = window.enter(41).then(() => (second = true));
  await Promise.resolve();
  expect([second, window.messages]).toEqual([false, 1]);
  window.leave(60);
  await entering;
  expect(window.messages).toBe(1);
});
