import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IndexedHeap } from './indexed-heap.ts';

interface Item {
  key: number;
  readonly order: number;
}
const compare = (a: Item, b: Item): number => a.key - b.key || a.order - b.order;

test('the first is always the least, whatever is added, moved and taken out', () => {
  const command = fc.oneof(
    fc.record({ add: fc.nat(9) }),
    fc.record({ remove: fc.nat(30) }),
    fc.record({ move: fc.nat(30), to: fc.nat(9) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const heap = new IndexedHeap(compare);
      const model: Item[] = [];
      for (const [order, command] of commands.entries()) {
        if ('add' in command) {
          const item = { key: command.add, order };
          heap.add(item);
          model.push(item);
        } else if ('move' in command) {
          const item = model[command.move];
          if (item === undefined) continue;
          item.key = command.to;
          heap.update(item);
        } else {
          const [item] = model.splice(command.remove, 1);
          if (item !== undefined) {
            expect(heap.remove(item)).toBe(true);
            expect(heap.has(item)).toBe(false);
          }
        }
        expect(heap.first).toBe(model.toSorted(compare)[0]);
        expect([...heap.values()].sort(compare)).toEqual(model.toSorted(compare));
      }
    }),
  );
});

test('what is not in it cannot be taken out or moved', () => {
  const heap = new IndexedHeap(compare);
  const item = { key: 1, order: 1 };
  expect(heap.remove(item)).toBe(false);
  heap.update(item);
  expect(heap.size).toBe(0);
});
