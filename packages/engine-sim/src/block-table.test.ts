import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockTable, NONE } from './block-table.ts';

test('behaves as a map for any sequence of changes, also when keys fall on the same slots', () => {
  const key = fc.oneof(
    fc.integer({ min: 0, max: 12 }),
    fc.constantFrom(2 ** 32, 2 ** 40 + 3, 2 ** 53 - 1),
  );
  const change = fc.record({ key, value: fc.integer({ min: 0, max: 99 }), remove: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const table = new BlockTable(16);
      const map = new Map<number, number>();
      for (const { key, value, remove } of changes) {
        if (remove) {
          table.delete(key);
          map.delete(key);
        } else {
          table.set(key, value);
          map.set(key, value);
        }
        expect(table.size).toBe(map.size);
        for (const { key } of changes) expect(table.get(key)).toBe(map.get(key) ?? NONE);
      }
    }),
  );
});

test('a cleared table holds nothing', () => {
  const table = new BlockTable(4);
  table.set(7, 1);
  table.clear();
  expect([table.size, table.get(7)]).toEqual([0, NONE]);
});
