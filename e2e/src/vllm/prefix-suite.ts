// SPDX-License-Identifier: Apache-2.0
import { readExposition } from '@llm-d/test-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { post } from '../stack.ts';
import type { HashForm, PrefixEngine } from './prefix-engine.ts';
import { ask } from './prefix-prompts.ts';
import { expectTokenParity } from './token-parity.ts';
import {
  startPrefixTrial,
  type PlacedAnswer,
  type PrefixTrial,
  type PrefixTrialOptions,
} from './prefix-trial.ts';

export interface PrefixSuiteOptions extends Omit<PrefixTrialOptions, 'hashes'> {
  /** Titles of the gateways, which tests are named by. */
  readonly tokens: readonly string[];
  /** The engines' model, where there is one that can be tokenized here. */
  readonly modelDirectory?: () => string;
  /** Longest that a test may take in which an engine starts; the beginning has two starts. */
  readonly engineStartMs: number;
}

const TEST_MS = 180_000;
/** Requests in a row, and at a time. */
const REQUESTS = 32;
const CLIENTS = 6;

/** What engines and gateways are held to, with either form of hashes. To be called within a suite. */
export function describePrefixRouting(options: PrefixSuiteOptions): void {
  describe.each<HashForm>(['integers', 'bytes'])('that publish hashes as %s', (hashes) => {
    describePrefixTrial(options, hashes);
  });
}

function describePrefixTrial(options: PrefixSuiteOptions, hashes: HashForm): void {
  const { tokens, engineStartMs, modelDirectory } = options;
  let trial: PrefixTrial;
  beforeAll(async () => {
    trial = await startPrefixTrial({ ...options, hashes });
    // An engine that has published nothing is no source yet.
    for (const engine of trial.engines) await trial.tell(engine, trial.opening()());
  }, 2 * engineStartMs);
  afterAll(() => trial[Symbol.asyncDispose]());

  const gatewayWith = (title: string) => {
    const gateway = trial.gateways.find(({ kind }) => kind.title === title);
    return gateway ?? expect.fail(`there is no gateway with ${title}`);
  };
  const hitsOf = async ({ url }: PrefixEngine): Promise<number> =>
    (await readExposition(url)).sum('vllm:prefix_cache_hits_total');

  if (modelDirectory !== undefined) {
    test(
      'the embedded tokenizer gives the ids that /tokenize gives',
      async () => {
        await expectTokenParity(trial.engines[0], modelDirectory());
      },
      TEST_MS,
    );
  }

  test.each(tokens)(
    'a prompt goes to the server that has its beginning, with %s',
    async (title) => {
      const gateway = gatewayWith(title);
      for (const holder of [...trial.engines, ...trial.engines, ...trial.engines]) {
        const next = trial.opening();
        const told = await trial.tell(holder, next());
        expect(told.cachedTokens).toBe(0);
        const hits = await hitsOf(holder);
        const placed = await trial.place(gateway, next());
        expect(placed.decision).toMatchObject({
          engine: holder.name,
          wholeSources: 2,
          note: undefined,
        });
        expectExact(placed);
        expect(Object.keys(placed.held)).toEqual([holder.name]);
        expect(placed.cachedTokens).toBeGreaterThan(4 * holder.blockSizeTokens);
        await expect.poll(() => hitsOf(holder)).toBe(hits + placed.cachedTokens);
      }
    },
    TEST_MS,
  );

  test('hashes are in the form that was asked for', async () => {
    for (const engine of trial.engines) expect((await trial.ledger(engine)).hashes).toBe(hashes);
  });

  test.each(tokens)(
    'an adapter’s prompts are not taken for the model’s, with %s',
    async (title) => {
      const gateway = gatewayWith(title);
      const [other, holder] = trial.engines;
      const next = trial.opening();
      await trial.tell(holder, next());
      const { adapter } = holder;
      const placed = await trial.place(gateway, { ...next(), adapter });
      expect(placed.known).toEqual({});
      expectExact(placed);
      // Whoever has it now has it for the adapter; the other one gets it for the model.
      const [has, lacks] =
        placed.decision.engine === holder.name ? [holder, other] : [other, holder];
      await trial.tell(lacks, next());
      const again = await trial.place(gateway, { ...next(), adapter });
      expectExact(again);
      expect(again.decision.engine).toBe(has.name);
      expect(again.cachedTokens).toBeGreaterThan(0);
    },
    TEST_MS,
  );

  // Where the index's blocks are smaller than the engine's, salted prompts are not found, nor are they by llm-d.
  test(
    'prompts with another salt have nothing in common',
    async () => {
      const gateway = gatewayWith(tokens[0] ?? '');
      const [, holder] = trial.engines;
      expect(gateway.kind.blockSizeTokens).toBe(holder.blockSizeTokens);
      const next = trial.opening();
      await trial.tell(holder, { ...next(), salt: 'one' });
      const other = await trial.place(gateway, { ...next(), salt: 'two' });
      expect(other.known).toEqual({});
      expectExact(other);
      const same = await trial.place(gateway, { ...next(), salt: 'one' });
      expectExact(same);
      expect(same.decision.engine).toBe(holder.name);
      expect(same.cachedTokens).toBeGreaterThan(0);
    },
    TEST_MS,
  );

  test(
    'of every request an engine finds in its cache exactly what the decision said',
    async () => {
      const openings = Array.from({ length: 8 }, (_, i) => trial.opening(40 + 30 * i));
      for (let i = 0; i < REQUESTS; i++) {
        const gateway = trial.gateways[i % trial.gateways.length];
        const next = openings[(i * 5) % openings.length];
        if (gateway === undefined || next === undefined) throw new Error('there is nobody to ask');
        expectExact(await trial.place(gateway, next()));
      }
    },
    TEST_MS,
  );

  test(
    'no gateway has come to doubt its tokens',
    async () => {
      for (const gateway of trial.gateways) {
        // A request is looked at again a second after its answer.
        const trials = async () => (await gateway.index()).tokenParity.trials;
        await expect.poll(trials, { timeout: 20_000 }).toBeGreaterThanOrEqual(16);
        const { tokenParity, unplaced } = await gateway.index();
        expect(tokenParity.trusted).toBe(true);
        // What was evicted within the second is missing.
        expect(tokenParity.share).toBeGreaterThan(0.9);
        expect(unplaced).toEqual({});
        expect(await gateway.divergences()).toBe(0);
      }
    },
    TEST_MS,
  );

  test(
    'when caches have overflowed under load, an index has what was stored and not removed',
    async () => {
      const removed = async () =>
        Promise.all(trial.engines.map(async (engine) => (await trial.ledger(engine)).removed));
      const before = await removed();
      const openings = Array.from({ length: 24 }, () => trial.opening(150));
      let next = 0;
      const client = async (): Promise<void> => {
        while (next < 4 * REQUESTS) {
          const i = next++;
          const opening = openings[(i * 7) % openings.length];
          const gateway = trial.gateways[i % trial.gateways.length];
          if (opening !== undefined && gateway !== undefined) await ask(gateway.url, opening());
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      await trial.agreed();
      const after = await removed();
      for (const [i, count] of after.entries()) expect(count).toBeGreaterThan(before[i] ?? 0);
      for (const gateway of trial.gateways) expect((await gateway.index()).unplaced).toEqual({});
    },
    TEST_MS,
  );

  test(
    'a cache that was reset is forgotten with the engine’s next step',
    async () => {
      const gateway = gatewayWith(tokens[0] ?? '');
      const [, holder] = trial.engines;
      const next = trial.opening();
      await trial.tell(holder, next());
      expect((await trial.place(gateway, next())).decision.engine).toBe(holder.name);
      expect((await post(`${holder.url}/reset_prefix_cache`, {})).status).toBe(200);
      // The event goes out with what the engine stores next.
      await trial.tell(holder, trial.opening()());
      expect(await trial.ledger(holder)).toMatchObject({ cleared: 1 });
      const placed = await trial.place(gateway, next());
      expect(placed.known).toEqual({});
      expectExact(placed);
    },
    TEST_MS,
  );

  test(
    'a server that is started again has nothing, and what it stores then is found',
    async () => {
      const gateway = gatewayWith(tokens[0] ?? '');
      const [, holder] = trial.engines;
      const next = trial.opening();
      await trial.tell(holder, next());
      await holder.stop();
      await holder.start();
      await trial.agreed();
      await expect.poll(() => untilServing(trial, holder), { timeout: TEST_MS }).toBe(true);
      const lost = await trial.place(gateway, next());
      expect(lost.known[holder.name]).toBeUndefined();
      expectExact(lost);
      const later = trial.opening();
      await trial.tell(holder, later());
      const found = await trial.place(gateway, later());
      expect(found.decision.engine).toBe(holder.name);
      expectExact(found);
    },
    TEST_MS + engineStartMs,
  );
}

/** The decision knew exactly what both engines held, and the engine reused exactly that. */
function expectExact(placed: PlacedAnswer): void {
  const { decision, known, held, promptTokens, cachedTokens, reusableTokens } = placed;
  expect(decision).toMatchObject({ basis: 'events', promptTokens });
  expect(known).toEqual(held);
  expect(cachedTokens).toBe(reusableTokens);
}

/** Whether all gateways send requests to the engine. */
async function untilServing({ gateways }: PrefixTrial, { name }: PrefixEngine): Promise<boolean> {
  const views = await Promise.all(
    gateways.map(async ({ url }) => (await fetch(`${url}/debug/endpoints`)).text()),
  );
  return views.every((text) => {
    const { endpoints } = JSON.parse(text) as {
      readonly endpoints: readonly { readonly name: string; readonly ejected: string | null }[];
    };
    return endpoints.some((one) => one.name === name && one.ejected === null);
  });
}
