import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBuilder } from '../testing/batch-builder.ts';
import { createRequestKeyHasher } from '../request-key-hasher.ts';
import {
  type MemoryKvBlockIndex,
  type MemoryKvBlockIndexOptions,
  createMemoryKvBlockIndex,
} from './memory-index.ts';
import { restoreMemoryKvBlockIndex } from './restore.ts';
import type { KvIndexSnapshot } from './snapshot.ts';

const BLOCK = 4;
const PROMPTS = 3;
const BLOCKS = 6;
const MODEL = 'm';
const options: MemoryKvBlockIndexOptions = { blockSizeTokens: BLOCK };

const tokensOf = (prompt: number, from: number, to: number, size: number) =>
  Array.from({ length: (to - from) * size }, (_, i) => (prompt << 16) | (from * size + i));
const keys = Array.from({ length: PROMPTS }, (_, prompt) =>
  createRequestKeyHasher().keys(Uint32Array.from(tokensOf(prompt, 0, BLOCKS, BLOCK)), {
    model: MODEL,
    blockSizeTokens: BLOCK,
  }),
);

/** Two salts name the same blocks by different hashes. */
const hashOf = (prompt: number, block: number, salt: number, size: number) =>
  BigInt(1 + block + 1000 * (prompt + 100 * (salt + 100 * size)));

const media = ['GPU', 'CPU', 'FS'] as const;
/** Engine blocks as large as the index's, twice as large, and half. */
const sizes = [4, 8, 2] as const;

const stored = fc.record({
  kind: fc.constant('stored' as const),
  pod: fc.nat(3),
  rank: fc.nat(1),
  prompt: fc.nat(PROMPTS - 1),
  from: fc.nat(3),
  length: fc.integer({ min: 1, max: 5 }),
  salt: fc.nat(1),
  size: fc.constantFrom(...sizes),
  medium: fc.constantFrom(...media),
  group: fc.constantFrom(null, 0, 1),
  window: fc.boolean(),
  extras: fc.boolean(),
});
const removed = fc.record({
  kind: fc.constant('removed' as const),
  pod: fc.nat(3),
  rank: fc.nat(1),
  prompt: fc.nat(PROMPTS - 1),
  from: fc.nat(3),
  length: fc.integer({ min: 1, max: 5 }),
  salt: fc.nat(1),
  size: fc.constantFrom(...sizes),
  medium: fc.constantFrom(...media),
  group: fc.constantFrom(null, 0, 1),
});
const operation = fc.oneof(
  { weight: 8, arbitrary: stored },
  { weight: 5, arbitrary: removed },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cleared' as const), pod: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gone' as const), pod: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('epoch' as const), pod: fc.nat(3), epoch: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('swept' as const), blocks: fc.nat(9) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** What happened to the publishers, so that both indexes hear the same. */
class Fleet {
  readonly #epochs = new Map<number, number>();

  source(pod: number, dpRank: number) {
    const epoch = String(this.#epochs.get(pod) ?? 0);
    return { pod: `pod-${pod}`, dpRank, model: MODEL, epoch, everywhere: pod === 3 };
  }

  run(one: Operation, indexes: readonly MemoryKvBlockIndex[]): void {
    if (one.kind === 'epoch') this.#epochs.set(one.pod, one.epoch);
    const reports = indexes.map((index) => this.#runOn(index, one));
    for (const report of reports) expect(report).toEqual(reports[0]);
  }

  #runOn(index: MemoryKvBlockIndex, one: Operation): unknown {
    switch (one.kind) {
      case 'stored':
        return index.apply(storedBatch(one), this.source(one.pod, one.rank));
      case 'removed': {
        const hashes = hashesOf(one);
        const event = { hashes, medium: one.medium.toUpperCase(), groupIndex: one.group };
        const batch = new BatchBuilder().removed(event).build();
        return index.apply(batch, this.source(one.pod, one.rank));
      }
      case 'cleared':
        return index.apply(new BatchBuilder().cleared().build(), this.source(one.pod, 0));
      case 'gone':
        index.remove(`pod-${one.pod}`);
        return undefined;
      case 'epoch':
        return index.apply(new BatchBuilder().build(), this.source(one.pod, 1));
      case 'swept':
        index.sweep(one.blocks);
        return undefined;
    }
  }
}

const hashesOf = (one: {
  prompt: number;
  from: number;
  length: number;
  salt: number;
  size: number;
}) =>
  Array.from({ length: one.length }, (_, i) =>
    hashOf(one.prompt, one.from + i, one.salt, one.size),
  );

function storedBatch(one: Extract<Operation, { kind: 'stored' }>) {
  const { prompt, from, length, salt, size } = one;
  const kind = one.group === 1 && one.window ? 'sliding_window' : 'full_attention';
  return new BatchBuilder()
    .stored({
      hashes: hashesOf(one),
      ...(from > 0 && { parent: hashOf(prompt, from - 1, salt, size) }),
      tokens: tokensOf(prompt, from, from + length, size),
      medium: one.medium,
      groupIndex: one.group,
      extraKeys: one.extras ? Array.from({ length }, () => null) : null,
      ...(one.group === 1 && { specKind: kind, slidingWindowTokens: 8 }),
    })
    .build();
}

async function bytesOf(snapshot: KvIndexSnapshot): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshot) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

/** Everything that can be seen of an index, once nothing waits to be swept. */
function seen(index: MemoryKvBlockIndex) {
  index.sweep(1_000_000);
  const { bytes: _, sources, ...stats } = index.stats();
  const byName = (one: { pod: string; dpRank: number }) => `${one.pod}/${one.dpRank}`;
  const sorted = <T extends { pod: string; dpRank: number }>(list: readonly T[]) =>
    [...list].sort((a, b) => byName(a).localeCompare(byName(b)));
  return {
    stats,
    sources: sorted(sources),
    found: keys.map((one) => {
      const { holders, everywhere } = index.lookup(one);
      return { holders: sorted(holders), everywhere };
    }),
  };
}

const operations = fc.array(operation, { maxLength: 40 });

test('an index made of a snapshot finds, reports and forgets what the first one does', async () => {
  await fc.assert(
    fc.asyncProperty(operations, operations, async (before, after) => {
      const fleet = new Fleet();
      const index = createMemoryKvBlockIndex(options);
      for (const one of before) fleet.run(one, [index]);
      const again = await restoreMemoryKvBlockIndex(await bytesOf(index.snapshot()), options);
      expect(seen(again)).toEqual(seen(index));
      for (const one of after) fleet.run(one, [index, again]);
      expect(seen(again)).toEqual(seen(index));
    }),
    { numRuns: 200 },
  );
}, 60_000);

test.each([
  ['with room', {}],
  ['that forgets what is cold', { maxBytes: 2500 }],
])(
  'a snapshot of an index %s has the moment in which it was asked for',
  async (_, limits) => {
    await fc.assert(
      fc.asyncProperty(operations, operations, async (before, meanwhile) => {
        const fleet = new Fleet();
        const index = createMemoryKvBlockIndex({ ...options, ...limits });
        for (const one of before) fleet.run(one, [index]);
        const still = await restoreMemoryKvBlockIndex(await bytesOf(index.snapshot()), options);
        const chunks: Uint8Array[] = [];
        const rest = [...meanwhile];
        for await (const chunk of index.snapshot()) {
          chunks.push(Uint8Array.from(chunk));
          for (const one of rest.splice(0, 3)) fleet.run(one, [index]);
        }
        const again = await restoreMemoryKvBlockIndex(Buffer.concat(chunks), options);
        expect(seen(again)).toEqual(seen(still));
      }),
      { numRuns: 200 },
    );
  },
  60_000,
);

const salted = (prompt: number, salt: number) =>
  new BatchBuilder()
    .stored({ hashes: [hashOf(prompt, 0, salt, 4)], tokens: tokensOf(prompt, 0, 1, 4) })
    .build();
const source = { pod: 'a', dpRank: 0, model: MODEL, epoch: '1' };

test('a block that went with one of its two hashes does not come back', async () => {
  const index = createMemoryKvBlockIndex(options);
  index.apply(salted(0, 0), source);
  index.apply(salted(0, 1), source);
  index.apply(new BatchBuilder().removed({ hashes: [hashOf(0, 0, 0, 4)] }).build(), source);
  expect(index.lookup(keys[0] ?? new Uint32Array()).holders).toEqual([]);
  const again = await restoreMemoryKvBlockIndex(await bytesOf(index.snapshot()), options);
  expect(again.lookup(keys[0] ?? new Uint32Array()).holders).toEqual([]);
  expect(again.stats()).toMatchObject({ blocks: 0, copies: 1 });
});

test('extra keys of a begun block survive', async () => {
  const index = createMemoryKvBlockIndex(options);
  const begun = { hashes: [7n], tokens: [1, 2], extraKeys: [['image ü']] };
  index.apply(new BatchBuilder().stored(begun).build(), source);
  const again = await restoreMemoryKvBlockIndex(await bytesOf(index.snapshot()), options);
  const rest = { hashes: [8n], parent: 7n, tokens: [3, 4], extraKeys: [null] };
  again.apply(new BatchBuilder().stored(rest).build(), source);
  const salt = { model: MODEL, blockSizeTokens: BLOCK, extras: [['image ü']] };
  const wanted = createRequestKeyHasher().keys(Uint32Array.of(1, 2, 3, 4), salt);
  expect(again.lookup(wanted).holders).toMatchObject([{ pod: 'a', blocks: 1 }]);
});

test('several snapshots may be under way, and one that is given up holds nothing back', async () => {
  const index = createMemoryKvBlockIndex(options);
  index.apply(salted(0, 0), source);
  const first = index.snapshot();
  index.apply(salted(1, 0), source);
  {
    using givenUp = index.snapshot();
    expect(givenUp).toBeDefined();
  }
  const second = index.snapshot();
  index.remove('a');
  const copies = async (snapshot: KvIndexSnapshot) =>
    (await restoreMemoryKvBlockIndex(await bytesOf(snapshot), options)).stats().copies;
  expect([await copies(second), await copies(first)]).toEqual([2, 1]);
});

test('lives are not given out again', async () => {
  const index = createMemoryKvBlockIndex(options);
  for (const epoch of ['1', '2', '3']) index.apply(salted(0, 0), { ...source, epoch });
  index.remove('a');
  index.apply(salted(0, 0), { ...source, pod: 'b' });
  const again = await restoreMemoryKvBlockIndex(await bytesOf(index.snapshot()), options);
  expect(again.rows.directory()).toEqual(index.rows.directory());
  again.apply(salted(0, 0), { ...source, pod: 'c' });
  expect(again.rows.directory().holders.map(({ life }) => life)).toEqual([4, 5]);
});

const found = (index: MemoryKvBlockIndex, prompt: number) =>
  index.lookup(keys[prompt] ?? new Uint32Array()).holders.map(({ pod, blocks }) => [pod, blocks]);

test('what is swept after the snapshot was asked for is in it', async () => {
  const index = createMemoryKvBlockIndex(options);
  index.apply(salted(0, 0), source);
  index.apply(salted(0, 1), source);
  const snapshot = index.snapshot();
  index.remove('a');
  index.sweep(100);
  const again = await restoreMemoryKvBlockIndex(await bytesOf(snapshot), options);
  expect(found(again, 0)).toEqual([['a', 1]]);
});

test('what is forgotten for others after the snapshot was asked for is in it', async () => {
  const index = createMemoryKvBlockIndex({ ...options, maxBytes: 256 + 75 * 2 });
  index.apply(salted(0, 0), source);
  const snapshot = index.snapshot();
  index.apply(salted(1, 0), { ...source, pod: 'b' });
  index.apply(salted(2, 0), { ...source, pod: 'b' });
  expect([found(index, 0), index.stats().evicted]).toEqual([[], 1]);
  const again = await restoreMemoryKvBlockIndex(await bytesOf(snapshot), options);
  expect(found(again, 0)).toEqual([['a', 1]]);
});
