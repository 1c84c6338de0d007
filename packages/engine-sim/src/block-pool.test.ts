import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockPool } from './block-pool.ts';
import { NONE } from './block-table.ts';

const fill = (pool: BlockPool, keys: readonly number[]): number[] =>
  keys.map((key) => {
    const block = pool.take();
    pool.store(block, key);
    return block;
  });

describe('a pool of blocks', () => {
  test('keeps the content of released blocks until it needs them, oldest release first', () => {
    const pool = new BlockPool(3);
    const evicted: number[] = [];
    pool.onEvict = (key) => evicted.push(key);
    const blocks = fill(pool, [10, 11, 12]);
    pool.release(blocks[1] ?? NONE);
    pool.release(blocks[0] ?? NONE);
    pool.release(blocks[2] ?? NONE);
    expect(pool.counts()).toEqual({ total: 3, used: 0, cached: 3, free: 0 });
    pool.take();
    pool.take();
    expect(evicted).toEqual([11, 10]);
    expect([pool.find(10), pool.find(12)]).toEqual([NONE, blocks[2]]);
  });

  test('holding a cached block again saves it from eviction and makes it young', () => {
    const pool = new BlockPool(2);
    const [a = NONE, b = NONE] = fill(pool, [1, 2]);
    pool.release(a);
    pool.release(b);
    pool.hold(a);
    pool.release(a);
    pool.take();
    expect([pool.find(1), pool.find(2)]).toEqual([a, NONE]);
  });

  test('hands out blocks without content before it evicts', () => {
    const pool = new BlockPool(2);
    const [a = NONE] = fill(pool, [1]);
    const blank = pool.take();
    pool.release(a);
    pool.release(blank);
    expect(pool.take()).toBe(blank);
    expect(pool.find(1)).toBe(a);
  });

  test('finds the other copy when one of two is evicted', () => {
    const pool = new BlockPool(3);
    const [first = NONE, second = NONE] = fill(pool, [5, 5, 6]);
    expect(pool.find(5)).toBe(second);
    pool.release(second);
    expect(pool.take()).toBe(second);
    expect(pool.find(5)).toBe(first);
  });

  test('a block that several hold is cached when the last lets go', () => {
    const pool = new BlockPool(1);
    const [a = NONE] = fill(pool, [1]);
    pool.hold(a);
    pool.release(a);
    expect(pool.used).toBe(1);
    pool.release(a);
    expect(pool.counts()).toMatchObject({ used: 0, cached: 1 });
  });

  test('refuses to give what it has not and to take what nobody holds', () => {
    const pool = new BlockPool(1);
    const block = pool.take();
    expect(() => pool.take()).toThrow('no block is available');
    pool.release(block);
    expect(() => {
      pool.release(block);
    }).toThrow(`block ${block} is not held`);
  });

  test('clears its content only while nothing is held', () => {
    const pool = new BlockPool(2);
    const [a = NONE] = fill(pool, [1]);
    expect(pool.clear()).toBe(false);
    pool.release(a);
    expect(pool.clear()).toBe(true);
    expect(pool.find(1)).toBe(NONE);
    expect(pool.counts()).toEqual({ total: 2, used: 0, cached: 0, free: 2 });
  });
});

test('no block is lost, found wrongly or held negatively, whatever happens', () => {
  const action = fc.record({
    act: fc.constantFrom('take', 'hold', 'release'),
    key: fc.nat({ max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const pool = new BlockPool(6);
      const held: number[] = [];
      const content = new Map<number, number>();
      for (const { act, key } of actions) {
        if (act === 'take' && pool.available > 0) {
          const block = pool.take();
          pool.store(block, key);
          content.set(block, key);
          held.push(block);
        } else if (act === 'hold' && pool.find(key) !== NONE) {
          pool.hold(pool.find(key));
          held.push(pool.find(key));
        } else if (act === 'release' && held.length > 0) {
          pool.release(held.splice(key % held.length, 1)[0] ?? NONE);
        }
        const { used, cached, free, total } = pool.counts();
        expect(used + cached + free).toBe(total);
        expect(used).toBe(new Set(held).size);
        const found = pool.find(key);
        if (found !== NONE) expect(content.get(found)).toBe(key);
      }
    }),
  );
});
