import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPrefixLru } from './prefix-lru.ts';

const chain = (...keys: number[]) => Float64Array.from(keys);

describe('a prefix LRU', () => {
  test('matches the leading keys it holds, up to the first gap', () => {
    const lru = createPrefixLru(10);
    lru.touch(chain(1, 2, 3));
    expect(lru.matchLength(chain(1, 2, 3, 4))).toBe(3);
    expect(lru.matchLength(chain(1, 9, 3))).toBe(1);
    expect(lru.matchLength(chain(2, 3))).toBe(2);
    expect(lru.matchLength(chain())).toBe(0);
  });

  test('forgets the least recently used block, of one chain the last', () => {
    const lru = createPrefixLru(4);
    lru.touch(chain(1, 2));
    lru.touch(chain(3, 4));
    lru.touch(chain(5));
    expect([lru.matchLength(chain(1, 2)), lru.matchLength(chain(3, 4)), lru.size]).toEqual([
      1, 2, 4,
    ]);
  });

  test('looking does not keep a block alive', () => {
    const lru = createPrefixLru(2);
    lru.touch(chain(1));
    lru.touch(chain(2));
    lru.matchLength(chain(1));
    lru.touch(chain(3));
    expect(lru.matchLength(chain(1))).toBe(0);
  });

  test('keeps the beginning of a chain that is longer than its capacity', () => {
    const lru = createPrefixLru(3);
    lru.touch(chain(1, 2, 3, 4, 5));
    expect(lru.matchLength(chain(1, 2, 3, 4, 5))).toBe(3);
  });

  test('a smaller capacity forgets, clearing forgets all', () => {
    const lru = createPrefixLru(10);
    lru.touch(chain(1, 2, 3, 4));
    lru.setCapacity(2);
    expect([lru.size, lru.capacity, lru.matchLength(chain(1, 2, 3))]).toEqual([2, 2, 2]);
    lru.clear();
    expect([lru.size, lru.matchLength(chain(1))]).toEqual([0, 0]);
    lru.touch(chain(7));
    expect(lru.matchLength(chain(7))).toBe(1);
  });

  test('refuses a capacity below one', () => {
    expect(() => createPrefixLru(0)).toThrow(/capacity must be at least 1/);
  });

  test('behaves like a list ordered by use', () => {
    // Few distinct low bits make long probe sequences; multiples of 64 collide in a small table.
    const key = fc.oneof(
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 40 }).map((k) => k * 64),
    );
    const command = fc.oneof(
      fc.record({ touch: fc.array(key, { maxLength: 12 }) }),
      fc.record({ capacity: fc.integer({ min: 1, max: 100 }) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.array(command, { maxLength: 60 }),
        (capacity, commands) => {
          const lru = createPrefixLru(capacity);
          let model: number[] = [];
          let bound = capacity;
          for (const command of commands) {
            if ('touch' in command) {
              lru.touch(Float64Array.from(command.touch));
              for (const used of command.touch.slice(0, bound).reverse()) {
                model = [used, ...model.filter((other) => other !== used)].slice(0, bound);
              }
            } else {
              bound = command.capacity;
              lru.setCapacity(bound);
              model = model.slice(0, bound);
            }
            expect(lru.size).toBe(model.length);
            for (const held of model) expect(lru.matchLength(chain(held))).toBe(1);
            for (let other = 0; other <= 40; other++) {
              expect(lru.matchLength(chain(other))).toBe(model.includes(other) ? 1 : 0);
            }
          }
        },
      ),
    );
  });

  test('holds as many blocks as it may, also far beyond its first size', () => {
    const lru = createPrefixLru(10_000);
    const keys = Float64Array.from({ length: 12_000 }, (_, i) => i * 2_654_435_761);
    for (const key of keys) lru.touch(chain(key));
    expect(lru.size).toBe(10_000);
    expect(lru.matchLength(keys.subarray(2_000))).toBe(10_000);
    expect(lru.matchLength(keys.subarray(1_999))).toBe(0);
  });
});
