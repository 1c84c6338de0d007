import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from './fifo.ts';

test('what goes in comes out in its order', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.integer() },
    { weight: 2, arbitrary: fc.constant('shift' as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
      const fifo = new Fifo<number>();
      const naive: number[] = [];
      for (const one of steps) {
        if (one === 'shift') expect(fifo.shift()).toBe(naive.shift());
        else {
          fifo.push(one);
          naive.push(one);
        }
        expect([fifo.length, fifo.first, fifo.last]).toEqual([
          naive.length,
          naive[0],
          naive.at(-1),
        ]);
      }
    }),
  );
});
