import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchBuilder } from '../testing/batch-builder.ts';
import type { KvMatches } from '../kv-block-index.ts';
import { NaiveIndex } from '../naive-index.testing.ts';
import { createRequestKeyHasher } from '../request-key-hasher.ts';
import { createMemoryKvBlockIndex } from './memory-index.ts';

const BLOCK = 2;
const BLOCKS = 8;
const WINDOW_BLOCKS = 3;
const PROMPTS = 3;

/** Prompts that share their first 0, 2 or 4 blocks with prompt 0; a block is named by the tokens up to its end. */
const prompts = Array.from({ length: PROMPTS }, (_, prompt) =>
  Array.from({ length: BLOCK * BLOCKS }, (_, i) =>
    i < 2 * prompt * BLOCK ? i : prompt * 1000 + i,
  ),
);
const nameOf = (prompt: number, block: number) =>
  (prompts[prompt] ?? []).slice(0, BLOCK * (block + 1)).join();
const names = (prompt: number, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => nameOf(prompt, from + i));
const hasher = createRequestKeyHasher();
const keys = prompts.map((tokens) =>
  hasher.keys(Uint32Array.from(tokens), { model: 'm', blockSizeTokens: BLOCK }),
);

const groups = [
  { group: 0, kind: 'full_attention', window: null },
  { group: 1, kind: 'sliding_window', window: BLOCK * WINDOW_BLOCKS + 1 },
  { group: 2, kind: 'mamba', window: null },
] as const;
const media = { gpu: 'GPU', cpu: 'CPU', shared: 'SHARED_STORAGE' } as const;

/** Engine hashes of one source: its own for each name. */
const numbers = new Map<string, bigint>();
function hashOf(source: string, name: string): bigint {
  const id = `${source} ${name}`;
  const known = numbers.get(id) ?? (BigInt(numbers.size % 7) << 32n) + BigInt(numbers.size + 1);
  numbers.set(id, known);
  return known;
}

const place = fc.record({
  pod: fc.nat(5),
  dpRank: fc.nat(1),
  group: fc.constantFrom(0, 0, 0, 0, 1, 2),
  tier: fc.constantFrom('gpu' as const, 'gpu' as const, 'cpu' as const, 'shared' as const),
  prompt: fc.nat(PROMPTS - 1),
  from: fc.nat(BLOCKS - 1),
  blocks: fc.integer({ min: 1, max: BLOCKS }),
});
const operation = fc.oneof(
  { weight: 8, arbitrary: place.map((at) => ({ do: 'store' as const, ...at })) },
  { weight: 4, arbitrary: place.map((at) => ({ do: 'remove' as const, ...at })) },
  { weight: 1, arbitrary: place.map((at) => ({ do: 'cleared' as const, ...at })) },
  { weight: 1, arbitrary: fc.nat(5).map((pod) => ({ do: 'clear' as const, pod })) },
  { weight: 1, arbitrary: fc.nat(5).map((pod) => ({ do: 'forget' as const, pod })) },
  { weight: 1, arbitrary: fc.nat(5).map((pod) => ({ do: 'restart' as const, pod })) },
  { weight: 1, arbitrary: fc.nat(20).map((blocks) => ({ do: 'sweep' as const, blocks })) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
type Placed = Extract<Operation, { do: 'store' | 'remove' | 'cleared' }>;

/** Pods 0 to 2 have one group, 3 and 4 several; pod 5 is storage for everyone in some runs. */
class Pair {
  readonly index = createMemoryKvBlockIndex({ blockSizeTokens: BLOCK });
  readonly naive = new NaiveIndex(WINDOW_BLOCKS);
  readonly #epochs = new Map<number, number>();
  readonly #sharedPod: number;

  constructor(sharedPod: number) {
    this.#sharedPod = sharedPod;
  }

  run(operation: Operation): void {
    if (operation.do === 'sweep') this.index.sweep(operation.blocks);
    else if (operation.do === 'clear') {
      this.index.clear(`pod-${operation.pod}`);
      this.#names(operation.pod).forEach((name) => {
        this.naive.clear(name);
      });
    } else if (operation.do === 'forget') {
      this.index.remove(`pod-${operation.pod}`);
      this.#names(operation.pod).forEach((name) => {
        this.naive.forget(name);
      });
    } else if (operation.do === 'restart') {
      this.#epochs.set(operation.pod, (this.#epochs.get(operation.pod) ?? 0) + 1);
    } else this.#event(operation);
  }

  #event(operation: Placed): void {
    const { pod, dpRank, prompt, tier } = operation;
    const epoch = String(this.#epochs.get(pod) ?? 0);
    const everywhere = pod === this.#sharedPod;
    const source = { pod: `pod-${pod}`, dpRank, model: 'm', epoch, everywhere };
    const name = `pod-${pod}/${dpRank}`;
    const holder = this.naive.holder(name, epoch, everywhere);
    const where = groups[pod < 3 ? 0 : operation.group];
    const to = Math.min(BLOCKS, operation.from + operation.blocks);
    const batch = new BatchBuilder();
    const life = `${name} ${where.group}`;
    const hashes = names(prompt, operation.from, to).map((block) => hashOf(life, block));
    const blocks = names(prompt, operation.from, to);
    const tag = { medium: media[tier], groupIndex: where.group };
    if (operation.do === 'cleared') {
      this.index.apply(batch.cleared().build(), source);
      this.naive.clear(name);
    } else if (operation.do === 'remove') {
      this.index.apply(batch.removed({ hashes, ...tag }).build(), source);
      this.naive.remove(holder, blocks, { tier, group: where.group });
    } else {
      // From the beginning, so that no parent is missing.
      const whole = names(prompt, 0, to);
      const all = whole.map((block) => hashOf(life, block));
      const tokens = (prompts[prompt] ?? []).slice(0, BLOCK * to);
      const kind = { specKind: where.kind, slidingWindowTokens: where.window };
      const report = this.index.apply(
        batch.stored({ hashes: all, tokens, ...tag, ...kind }).build(),
        source,
      );
      expect(report).toMatchObject({ storedBlocks: to, unplaced: [] });
      this.naive.store(holder, whole, { tier, ...where });
    }
  }

  #names(pod: number): string[] {
    return [`pod-${pod}/0`, `pod-${pod}/1`];
  }

  check(): void {
    for (let prompt = 0; prompt < PROMPTS; prompt++) {
      expect(plain(this.index.lookup(keys[prompt] ?? new Uint32Array()))).toEqual(
        this.naive.lookup(names(prompt, 0, BLOCKS)),
      );
    }
  }
}

function plain({ holders, everywhere }: KvMatches) {
  const match = ({ blocks, byTier }: Pick<KvMatches['everywhere'], 'blocks' | 'byTier'>) => ({
    blocks,
    tiers: Object.fromEntries(byTier.map((tier) => [tier.tier, tier.blocks])),
  });
  return {
    holders: Object.fromEntries(holders.map((one) => [`${one.pod}/${one.dpRank}`, match(one)])),
    everywhere: match(everywhere),
  };
}

test.each([
  ['pods alone', -1],
  ['storage for everyone', 5],
])(
  'any history of %s leads to the lookups of the naive index, and back to nothing',
  (_, shared) => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const pair = new Pair(shared);
        for (const operation of operations) {
          pair.run(operation);
          pair.check();
        }
        for (let pod = 0; pod <= 5; pod++) pair.index.remove(`pod-${pod}`);
        pair.index.sweep(1_000_000);
        expect(pair.index.stats()).toMatchObject({ blocks: 0, copies: 0, unswept: 0, sources: [] });
      }),
      { numRuns: 250 },
    );
  },
  60_000,
);
