import { expect, test } from 'vitest';
import { createMemoryKvBlockIndex } from '../memory/memory-index.ts';
import { createRequestKeyHasher } from '../request-key-hasher.ts';
import { BatchBuilder } from '../testing/batch-builder.ts';
import { surveyKvBlocks } from './block-survey.ts';
import { walkKvRows } from './row-walk.ts';

const source = (pod: string, everywhere = false) => ({
  ...{ pod, dpRank: 0, model: 'm', epoch: '1', everywhere },
});
const blocks = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => BigInt(1 + from + i));
const stored = (hashes: readonly bigint[], medium = 'GPU', groupIndex: number | null = null) => {
  const builder = new BatchBuilder();
  for (const hash of hashes) {
    builder.stored({ hashes: [hash], tokens: [Number(hash)], medium, groupIndex });
  }
  return builder.build();
};

function fleet() {
  const index = createMemoryKvBlockIndex({ blockSizeTokens: 1 });
  index.apply(stored(blocks(10)), source('a'));
  index.apply(stored(blocks(4), 'CPU'), source('a'));
  index.apply(stored(blocks(2), 'CPU', 1), source('a'));
  index.apply(stored(blocks(5, 8)), source('b'));
  index.apply(stored(blocks(1)), source('gone'));
  index.apply(stored(blocks(1), 'OBJ'), source('store', true));
  index.remove('gone');
  index.apply(new BatchBuilder().build(), source('empty'));
  return index;
}

test('a survey counts blocks by pod, tier and number of holders', async () => {
  const zero = { blocks: 0, onlyHere: 0, byTier: {} };
  const head = { dpRank: 0, model: 'm', everywhere: false };
  expect(await surveyKvBlocks(fleet().rows)).toEqual({
    blocks: 13,
    byTier: { gpu: 13, cpu: 4, shared: 1 },
    byHolders: [10, 3],
    holders: [
      { ...head, pod: 'a', blocks: 10, onlyHere: 7, byTier: { gpu: 10, cpu: 4 } },
      { ...head, pod: 'b', blocks: 5, onlyHere: 3, byTier: { gpu: 5 } },
      { ...head, pod: 'store', everywhere: true, blocks: 1, onlyHere: 0, byTier: { shared: 1 } },
      { ...head, ...zero, pod: 'empty' },
    ],
  });
});

test('rows name the owners of every key, once', async () => {
  const found = new Map<string, string[]>();
  await walkKvRows(fleet().rows, ({ low, high, owners }) => {
    const name = `${high}:${low}`;
    expect(found.has(name)).toBe(false);
    const ownerNames = owners.map(({ holder, tier, group }) =>
      [holder.source.pod, tier, group].join(' '),
    );
    found.set(name, ownerNames.sort());
    return true;
  });
  expect(found.size).toBe(13);
  const [low, high] = createRequestKeyHasher().keys(Uint32Array.of(1), {
    model: 'm',
    blockSizeTokens: 1,
  });
  expect(found.get(`${high ?? 0}:${low ?? 0}`)).toEqual([
    ...['a cpu 0', 'a cpu 1', 'a gpu 0', 'store shared 0'],
  ]);
});

test('a walk ends when nobody wants more of it', async () => {
  let visited = 0;
  await walkKvRows(fleet().rows, () => ++visited < 3);
  expect(visited).toBe(3);
  const reason = new Error('enough');
  const walk = surveyKvBlocks(fleet().rows, AbortSignal.abort(reason));
  await expect(walk).rejects.toBe(reason);
});

test('what comes and goes meanwhile disturbs nothing', async () => {
  const index = createMemoryKvBlockIndex({ blockSizeTokens: 1 });
  index.apply(stored(blocks(20_000)), source('a'));
  let visited = 0;
  await walkKvRows(index.rows, () => {
    visited++;
    if (visited % 1000 === 0) {
      index.apply(stored(blocks(500, 20_000 + visited)), source(`b${visited}`));
      index.remove(`b${visited - 2000}`);
      index.sweep(100);
    }
    return true;
  });
  expect(visited).toBeGreaterThanOrEqual(20_000);
});
