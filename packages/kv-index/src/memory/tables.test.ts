import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockTable } from './block-table.ts';
import { EngineTable } from './engine-table.ts';
import { NOBODY, OwnerSets } from './owner-sets.ts';

const changes = fc.array(fc.tuple(fc.boolean(), fc.nat(400)), { minLength: 300, maxLength: 900 });
const high = (key: number) => (key * 77) % 5;

test('an engine table finds what was added and not deleted, however full', () => {
  fc.assert(
    fc.property(changes, (list) => {
      const table = new EngineTable();
      const model = new Set<number>();
      for (const [add, key] of list) {
        const at = table.first(key, high(key));
        if (add) table.add(key, high(key), { low: key, high: 9 }, 3);
        else if (at >= 0) table.delete(at);
        if (add) model.add(key);
        else model.delete(key);
      }
      expect(table.size).toBe(model.size);
      for (let key = 0; key <= 400; key++) {
        const at = table.first(key, high(key));
        expect(at >= 0 ? table.keyLow(at) : undefined).toBe(model.has(key) ? key : undefined);
      }
    }),
  );
});

test('a block table finds the owners that were added and not removed, however full', () => {
  fc.assert(
    fc.property(changes, (list) => {
      const owners = new OwnerSets();
      owners.widen(40, 2);
      const table = new BlockTable(owners);
      const model = new Set<number>();
      // Many keys, so that shards fill up; two slots, so that some blocks have two owners.
      for (const [add, number] of list) {
        for (let copy = 0; copy < 6; copy++) {
          const key = 2 * (number + 401 * copy) + (number % 2);
          if (add) table.add(key >>> 1, 0, (key & 1) * 33, key & 1);
          else table.remove(key >>> 1, 0, (key & 1) * 33, key & 1);
          if (add) model.add(key);
          else model.delete(key);
        }
      }
      expect(table.size).toBe(model.size);
      for (let key = 0; key < 2 * 401 * 6; key++) {
        const owner = table.ownerOf(key >>> 1, 0);
        const has = owner !== NOBODY && owners.has(owner, (key & 1) * 33, key & 1);
        if (has !== model.has(key)) expect([key, has]).toEqual([key, model.has(key)]);
      }
    }),
    { numRuns: 50 },
  );
});
