// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, test } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import type { KvBlockIndex, KvEventSource, KvMatches } from '../kv-block-index.ts';
import { createRequestKeyHasher } from '../request-key-hasher.ts';

const BLOCK = 4;
const hasher = createRequestKeyHasher();
const source = (pod: string, rest: Partial<KvEventSource> = {}): KvEventSource => ({
  ...{ pod, dpRank: 0, model: 'm', epoch: '1' },
  ...rest,
});
/** Tokens of blocks `first` up to `end` of the prompt 0, 1, 2, … */
const tokens = (first: number, end: number) =>
  Array.from({ length: BLOCK * (end - first) }, (_, i) => BLOCK * first + i);
const hashes = (first: number, end: number, salt = 0n) =>
  Array.from({ length: end - first }, (_, i) => (salt << 40n) + BigInt(first + i + 1));
const batch = () => new BatchBuilder();
const store = (first: number, end: number, rest: object = {}, salt = 0n) =>
  batch()
    .stored({
      hashes: hashes(first, end, salt),
      tokens: tokens(first, end),
      parent: first === 0 ? undefined : hashes(first - 1, first, salt)[0],
      ...rest,
    })
    .build();
const remove = (first: number, end: number, rest: object = {}) =>
  batch()
    .removed({ hashes: hashes(first, end), ...rest })
    .build();
const prompt = (blocks: number, model = 'm', extras?: string[][]) =>
  hasher.keys(Uint32Array.from(tokens(0, blocks)), {
    model,
    blockSizeTokens: BLOCK,
    ...(extras === undefined ? {} : { extras }),
  });
const lengths = ({ holders }: KvMatches) =>
  Object.fromEntries(
    holders.map(({ pod, dpRank, blocks }) => [dpRank === 0 ? pod : `${pod}/${dpRank}`, blocks]),
  );

/** An index of nothing but the suite's, and how to leave it. */
export type ConformanceSubject = KvBlockIndex & Partial<AsyncDisposable>;

/**
 * What every index must do, as a suite of vitest: called at the top of a test file. `create` gives an empty index of
 * blocks of 4 tokens with the hash `cbor-fnv`, seed '' and the default weights; what has `[Symbol.asyncDispose]` is
 * disposed of after its test. A lookup must see everything that was applied before, wherever the index keeps it.
 */
export function describeKvBlockIndex(
  name: string,
  createSubject: () => Promise<ConformanceSubject>,
): void {
  describe(name, () => {
    const subjects: ConformanceSubject[] = [];
    const create = async (): Promise<KvBlockIndex> => {
      const subject = await createSubject();
      subjects.push(subject);
      return subject;
    };
    afterEach(async () => {
      for (const subject of subjects.splice(0)) await subject[Symbol.asyncDispose]?.();
    });

    test('a block is found on every pod that reported it', async () => {
      const index = await create();
      await index.apply(store(0, 3), source('a'));
      await index.apply(store(0, 2), source('b'));
      expect(lengths(await index.lookup(prompt(4)))).toEqual({ a: 3, b: 2 });
      expect(lengths(await index.lookup(prompt(1)))).toEqual({ a: 1, b: 1 });
      expect((await index.lookup(prompt(0))).holders).toEqual([]);
    });

    test('an event continues its parent, from whichever batch', async () => {
      const index = await create();
      await index.apply(store(0, 1), source('a'));
      const report = await index.apply(store(1, 3), source('a'));
      expect(report).toEqual({ storedBlocks: 2, removedBlocks: 0, unplaced: [] });
      expect(lengths(await index.lookup(prompt(5)))).toEqual({ a: 3 });
    });

    test('a gap ends the prefix, and does not hide what is before it', async () => {
      const index = await create();
      await index.apply(store(0, 5), source('a'));
      await index.apply(remove(2, 3), source('a'));
      expect(lengths(await index.lookup(prompt(5)))).toEqual({ a: 2 });
    });

    test('a block stored twice is gone after it was removed twice', async () => {
      const index = await create();
      await index.apply(store(0, 1), source('a'));
      await index.apply(store(0, 1), source('a'));
      await index.apply(remove(0, 1), source('a'));
      expect(lengths(await index.lookup(prompt(1)))).toEqual({ a: 1 });
      await index.apply(remove(0, 1), source('a'));
      expect(lengths(await index.lookup(prompt(1)))).toEqual({});
      expect((await index.stats()).copies).toBe(0);
    });

    test('hashes of one pod, rank or model mean nothing for another', async () => {
      const index = await create();
      await index.apply(store(0, 2), source('a'));
      await index.apply(store(0, 2), source('a', { dpRank: 1 }));
      await index.apply(store(0, 2), source('b', { model: 'other' }));
      await index.apply(remove(0, 2), source('b', { model: 'other' }));
      await index.apply(remove(1, 2), source('a', { dpRank: 1 }));
      expect(lengths(await index.lookup(prompt(2)))).toEqual({ a: 2, 'a/1': 1 });
      const orphan = await index.apply(store(2, 3), source('c'));
      expect(orphan.unplaced).toEqual([{ event: 0, reason: 'unknown_parent', blocks: 1 }]);
    });

    test('an adapter takes the place of the model, and is no extra key', async () => {
      const index = await create();
      const extraKeys = [['lora-1', 'salt'], ['lora-1']];
      await index.apply(store(0, 2, { loraName: 'lora-1', extraKeys }), source('a'));
      expect(lengths(await index.lookup(prompt(2, 'lora-1', [['salt']])))).toEqual({ a: 2 });
      expect(lengths(await index.lookup(prompt(2)))).toEqual({});
    });

    test('extra keys make other blocks', async () => {
      const index = await create();
      await index.apply(store(0, 2, { extraKeys: [null, ['img']] }), source('a'));
      expect(lengths(await index.lookup(prompt(2, 'm', [[], ['img']])))).toEqual({ a: 2 });
      expect(lengths(await index.lookup(prompt(2)))).toEqual({ a: 1 });
    });

    test('a block counts with the weight of its best tier', async () => {
      const index = await create();
      await index.apply(store(0, 3), source('a'));
      await index.apply(store(0, 4, { medium: 'CPU' }), source('a'));
      await index.apply(store(0, 2, { medium: 'CPU_PINNED' }), source('b'));
      const { holders } = await index.lookup(prompt(4));
      expect([...holders].sort((x, y) => x.pod.localeCompare(y.pod))).toEqual([
        {
          ...{ pod: 'a', dpRank: 0, model: 'm', blocks: 4, weightedBlocks: 3.8 },
          byTier: [
            { tier: 'gpu', blocks: 3 },
            { tier: 'cpu', blocks: 1 },
          ],
        },
        {
          ...{ pod: 'b', dpRank: 0, model: 'm', blocks: 2, weightedBlocks: 1.6 },
          byTier: [{ tier: 'cpu', blocks: 2 }],
        },
      ]);
    });

    test('a copy announced without tokens outlives the original', async () => {
      const index = await create();
      await index.apply(store(0, 2), source('a'));
      const copy = { hashes: hashes(0, 2), tokens: [], blockSizeTokens: 0, medium: 'CPU' };
      await index.apply(batch().stored(copy).build(), source('a'));
      await index.apply(remove(0, 2), source('a'));
      const { holders } = await index.lookup(prompt(2));
      expect(holders).toMatchObject([{ blocks: 2, byTier: [{ tier: 'cpu', blocks: 2 }] }]);
    });

    test('larger engine blocks stand for several', async () => {
      const index = await create();
      const large = { hashes: [1n, 2n], tokens: tokens(0, 6) };
      await index.apply(batch().stored(large).build(), source('a'));
      const more = { hashes: [3n], tokens: tokens(6, 9), parent: 2n };
      await index.apply(batch().stored(more).build(), source('a'));
      expect(lengths(await index.lookup(prompt(10)))).toEqual({ a: 9 });
      await index.apply(
        batch()
          .removed({ hashes: [2n] })
          .build(),
        source('a'),
      );
      expect(lengths(await index.lookup(prompt(10)))).toEqual({ a: 3 });
    });

    test('smaller engine blocks count when they fill a block, in however many events', async () => {
      const index = await create();
      const half = (block: number, end: number) => ({
        hashes: Array.from({ length: end - block }, (_, i) => BigInt(block + i + 1)),
        tokens: tokens(0, 10).slice(2 * block, 2 * end),
        parent: block === 0 ? undefined : BigInt(block),
      });
      for (const [from, to] of [
        [0, 1],
        [1, 2],
        [2, 5],
        [5, 6],
      ] as const) {
        const report = await index.apply(batch().stored(half(from, to)).build(), source('a'));
        expect(report.unplaced).toEqual([]);
      }
      expect(lengths(await index.lookup(prompt(5)))).toEqual({ a: 3 });
      await index.apply(
        batch()
          .removed({ hashes: [4n] })
          .build(),
        source('a'),
      );
      expect(lengths(await index.lookup(prompt(5)))).toEqual({ a: 1 });
    });

    test.each(['event', 'call', 'removal', 'epoch'])(
      'a clear by %s leaves the others',
      async (by) => {
        const index = await create();
        await index.apply(store(0, 2), source('a'));
        await index.apply(store(0, 1), source('b'));
        if (by === 'event') await index.apply(batch().cleared().build(), source('a'));
        else if (by === 'call') await index.clear('a');
        else if (by === 'removal') await index.remove('a');
        else await index.apply(batch().build(), source('a', { epoch: '2' }));
        expect(lengths(await index.lookup(prompt(2)))).toEqual({ b: 1 });
        const pods = (await index.stats()).sources.map(({ pod }) => pod).sort();
        expect(pods).toEqual(by === 'removal' ? ['b'] : ['a', 'b']);
        await index.apply(store(0, 2), source('a', { epoch: by === 'epoch' ? '2' : '1' }));
        expect(lengths(await index.lookup(prompt(2)))).toEqual({ a: 2, b: 1 });
      },
    );

    test('a popular block has as many owners as there are', async () => {
      const index = await create();
      const pods = Array.from({ length: 300 }, (_, i) => `pod-${i}`);
      for (const pod of pods) await index.apply(store(0, 1), source(pod));
      expect(Object.keys(lengths(await index.lookup(prompt(2)))).sort()).toEqual(pods.sort());
    });

    test('storage for everyone continues what a pod has, and serves those who have nothing', async () => {
      const index = await create();
      await index.apply(store(0, 3), source('a'));
      const copy = {
        hashes: hashes(0, 3),
        tokens: [],
        blockSizeTokens: 0,
        medium: 'SHARED_STORAGE',
      };
      const storage = source('SHARED_STORAGE', { everywhere: true });
      await index.apply(batch().stored(copy).build(), storage);
      await index.apply(remove(1, 3), source('a'));
      const matches = await index.lookup(prompt(4));
      expect(lengths(matches)).toEqual({ a: 3 });
      expect(matches.holders[0]?.weightedBlocks).toBeCloseTo(1.8);
      expect(matches.everywhere).toMatchObject({
        blocks: 3,
        byTier: [{ tier: 'shared', blocks: 3 }],
      });
    });

    test('a window needs the last blocks, a state the last one', async () => {
      const index = await create();
      const window = { groupIndex: 1, specKind: 'sliding_window', slidingWindowTokens: 2 * BLOCK };
      await index.apply(store(0, 6), source('a'));
      await index.apply(store(0, 6, window, 1n), source('a'));
      await index.apply(
        batch()
          .removed({ hashes: hashes(0, 2, 1n), groupIndex: 1 })
          .build(),
        source('a'),
      );
      expect(lengths(await index.lookup(prompt(6)))).toEqual({ a: 6 });
      await index.apply(
        batch()
          .removed({ hashes: hashes(5, 6, 1n), groupIndex: 1 })
          .build(),
        source('a'),
      );
      expect(lengths(await index.lookup(prompt(6)))).toEqual({ a: 5 });
      await index.apply(store(0, 4), source('b'));
      await index.apply(store(0, 4, { groupIndex: 2, specKind: 'mamba' }, 1n), source('b'));
      await index.apply(
        batch()
          .removed({ hashes: hashes(2, 4, 1n), groupIndex: 2 })
          .build(),
        source('b'),
      );
      expect(lengths(await index.lookup(prompt(6)))).toEqual({ a: 5, b: 2 });
    });

    test.each([
      ['unknown_hash', remove(5, 6), 1],
      ['unknown_group', remove(0, 2, { groupIndex: 7 }), 2],
      ['unknown_parent', store(8, 10), 2],
      ['invalid_block_span', store(0, 2, { blockSizeTokens: 3 }), 2],
      ['unsupported_cache_kind', store(0, 2, { groupIndex: 3, specKind: 'cross_attention' }), 2],
      ['group_changed', store(0, 2, { specKind: 'mamba' }), 2],
      [
        'unsupported_block_size',
        batch()
          .stored({ hashes: [9n], tokens: [1, 2, 3, 4, 5, 6] })
          .build(),
        1,
      ],
    ])(
      '%s is reported and counted, and the rest of the batch applied',
      async (reason, bad, blocks) => {
        const index = await create();
        await index.apply(store(0, 1), source('a'));
        const report = await index.apply(bad, source('a'));
        expect(report.unplaced).toEqual([{ event: 0, reason, blocks }]);
        expect((await index.stats()).unplaced).toEqual({ [reason]: blocks });
        expect(lengths(await index.lookup(prompt(2)))).toEqual({ a: 1 });
      },
    );
  });
}
