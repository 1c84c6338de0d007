import type { KvMatch, KvMatches, KvPrefix } from '@llm-d/kv-index';
import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { EndpointNames } from './endpoint-names.ts';
import { preciseMatches, type MatchOptions } from './precise-matches.ts';
import type { PromptKeys } from './prompt-keys.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
const names = new EndpointNames();
names.add(a);
names.add(b);

const WEIGHTS: Readonly<Record<string, number>> = { gpu: 1, cpu: 0.8 };
const prefix = (tiers: Readonly<Record<string, number>>): KvPrefix => {
  const byTier = Object.entries(tiers).map(([tier, blocks]) => ({ tier, blocks }));
  return {
    blocks: byTier.reduce((sum, { blocks }) => sum + blocks, 0),
    weightedBlocks: byTier.reduce(
      (sum, { tier, blocks }) => sum + blocks * (WEIGHTS[tier] ?? 0),
      0,
    ),
    byTier,
  };
};
const holder = (pod: string, tiers: Readonly<Record<string, number>>, dpRank = 0): KvMatch => ({
  pod,
  dpRank,
  model: 'm',
  ...prefix(tiers),
});
const found = (holders: readonly KvMatch[], everywhere = prefix({})): KvMatches => ({
  holders,
  everywhere,
});
const prompt = (blocks: number, mediaBlocks: readonly number[] = []): PromptKeys => ({
  keys: new Uint32Array(2 * blocks),
  blocks,
  mediaBlocks,
});
const options: MatchOptions = {
  names,
  candidates: [a, b],
  blockSizeTokens: 16,
  promptTokens: 500,
  speculative: undefined,
  speculativeWeight: 1,
};

test('slower memory is worth less, rounded down, and is told apart', () => {
  const matches = preciseMatches(
    [{ prompt: prompt(30), found: found([holder(a.hostPort, { gpu: 3, cpu: 12 })]) }],
    options,
  );
  expect([a, b].map((endpoint) => matches.matchedBlocks(endpoint))).toEqual([12, 0]);
  expect([a, b].map((endpoint) => matches.cachedBlocks?.(endpoint))).toEqual([15, 0]);
  expect(matches.cachedBlocksByTier?.(a)).toEqual([
    { tier: 'gpu', blocks: 3 },
    { tier: 'cpu', blocks: 12 },
  ]);
  expect(matches).toMatchObject({ totalBlocks: 30, longestBlocks: 15, promptTokens: 500 });
});

test('several prompts of a request are summed up before rounding', () => {
  const matches = preciseMatches(
    [
      { prompt: prompt(4), found: found([holder(a.hostPort, { cpu: 3 })]) },
      {
        prompt: prompt(5),
        found: found([holder(a.hostPort, { cpu: 2 }), holder('x', { gpu: 5 })]),
      },
    ],
    options,
  );
  expect(matches.matchedBlocks(a)).toBe(4);
  expect(matches.cachedBlocksByTier?.(a)).toEqual([{ tier: 'cpu', blocks: 5 }]);
  expect(matches).toMatchObject({ totalBlocks: 9, longestBlocks: 5 });
});

test('an endpoint that stands for several ranks has what the best of them has', () => {
  const holders = [holder(a.hostPort, { gpu: 1 }, 1), holder(a.hostPort, { gpu: 4 }, 2)];
  const matches = preciseMatches([{ prompt: prompt(8), found: found(holders) }], options);
  expect(matches.matchedBlocks(a)).toBe(4);
});

test('storage that all can load from is had by those that have nothing else', () => {
  const all = found([holder(a.hostPort, { gpu: 4 })], prefix({ cpu: 2 }));
  const matches = preciseMatches([{ prompt: prompt(8), found: all }], options);
  expect([a, b].map((endpoint) => matches.cachedBlocks?.(endpoint))).toEqual([4, 2]);
});

test('what is believed goes on where what is known ends', () => {
  const believed = { ...options, speculative: (slot: number) => [2, 6][slot] ?? 0 };
  const holders = [holder(a.hostPort, { gpu: 4 }), holder(b.hostPort, { gpu: 4 })];
  const matches = preciseMatches([{ prompt: prompt(8), found: found(holders) }], {
    ...believed,
    speculativeWeight: 0.5,
  });
  expect([a, b].map((endpoint) => matches.matchedBlocks(endpoint))).toEqual([4, 5]);
  expect(matches.cachedBlocksByTier?.(b)).toEqual([
    { tier: 'gpu', blocks: 4 },
    { tier: 'speculative', blocks: 2 },
  ]);
});

test('held blocks with media are counted', () => {
  const matches = preciseMatches(
    [{ prompt: prompt(8, [1, 3, 6]), found: found([holder(a.hostPort, { gpu: 4 })]) }],
    options,
  );
  expect([a, b].map((endpoint) => matches.cachedMediaBlocks?.(endpoint))).toEqual([2, 0]);
});
