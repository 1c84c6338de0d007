// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  type KvMatches,
  type MemoryKvBlockIndex,
  type RequestKeyHasherOptions,
  createRequestKeyHasher,
} from '@llm-d/kv-index';
import type { Histogram } from '@llm-d/telemetry';

export interface ScoringOptions extends RequestKeyHasherOptions {
  readonly index: Pick<MemoryKvBlockIndex, 'lookup' | 'stats'>;
  readonly blockSizeTokens: number;
  readonly clock: Clock;
  /** Is told how long each lookup took, in seconds. */
  readonly seconds: Histogram;
}

/** How much of prompts each pod has, by its name. */
export type PodScores = ReadonlyMap<string, number>;

/** By pod, then by rank. */
export type ByRank = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** An answer as Dynamo's standalone indexer gives it. */
export interface OverlapScores {
  /** Leading blocks that each rank has. */
  readonly scores: ByRank;
  /** By depth, from the first block on: how many ranks have the prefix up to there. */
  readonly frequencies: readonly number[];
  /** Of these ranks: how many blocks they have altogether. */
  readonly tree_sizes: ByRank;
}

/** Looks prompts up. */
export interface Scoring {
  /**
   * As llm-d's indexer scores: leading blocks, each with the weight of the best tier that has it, summed over the
   * prompts; of a pod with several ranks the best. `pods` asks for these only: those that hold nothing themselves get
   * what they could load from storage for everyone.
   */
  podScores(prompts: readonly Uint32Array[], model: string, pods?: readonly string[]): PodScores;
  overlap(tokens: Uint32Array, model: string): OverlapScores;
  overlapOfKeys(keys: Uint32Array): OverlapScores;
}

/** Questions to one index. Each is answered in one turn of the event loop. */
export function createScoring(options: ScoringOptions): Scoring {
  const { index, blockSizeTokens, clock, seconds } = options;
  const hasher = createRequestKeyHasher(options);
  const timed = <T>(work: () => T): T => {
    const startMs = clock.nowMs();
    const result = work();
    seconds.observe((clock.nowMs() - startMs) / 1000);
    return result;
  };
  const find = (tokens: Uint32Array, model: string): KvMatches =>
    timed(() => index.lookup(hasher.keys(tokens, { model, blockSizeTokens })));
  const answer = (matches: KvMatches) => overlapOf(matches, index);
  return {
    podScores: (prompts, model, pods) => {
      const sums = new Map<string, number>();
      for (const tokens of prompts) {
        for (const [pod, score] of scoresOf(find(tokens, model), pods)) {
          sums.set(pod, (sums.get(pod) ?? 0) + score);
        }
      }
      return sums;
    },
    overlap: (tokens, model) => answer(find(tokens, model)),
    overlapOfKeys: (keys) => answer(timed(() => index.lookup(keys))),
  };
}

function scoresOf(
  { holders, everywhere }: KvMatches,
  pods: readonly string[] | undefined,
): Map<string, number> {
  const best = new Map<string, number>();
  for (const { pod, weightedBlocks } of holders) {
    best.set(pod, Math.max(best.get(pod) ?? 0, weightedBlocks));
  }
  if (pods === undefined) return best;
  const asked = pods.map((pod) => [pod, best.get(pod) ?? everywhere.weightedBlocks] as const);
  return new Map(asked.filter(([, score]) => score > 0));
}

function overlapOf(
  { holders }: KvMatches,
  index: Pick<MemoryKvBlockIndex, 'stats'>,
): OverlapScores {
  const scores = new RankTable();
  const sizes = new RankTable();
  const frequencies: number[] = [];
  for (const { pod, dpRank, blocks } of holders) {
    scores.set(pod, dpRank, blocks);
    for (let depth = 0; depth < blocks; depth++) {
      frequencies[depth] = (frequencies[depth] ?? 0) + 1;
    }
  }
  for (const { pod, dpRank, copies } of holders.length > 0 ? index.stats().sources : []) {
    if (scores.has(pod, dpRank)) sizes.set(pod, dpRank, copies);
  }
  return { scores: scores.byRank(), frequencies, tree_sizes: sizes.byRank() };
}

/** Pods may have any name, so they are keys of a map until the end. */
class RankTable {
  readonly #pods = new Map<string, Map<number, number>>();

  has(pod: string, dpRank: number): boolean {
    return this.#pods.get(pod)?.has(dpRank) === true;
  }

  set(pod: string, dpRank: number, value: number): void {
    const ranks = this.#pods.get(pod);
    if (ranks === undefined) this.#pods.set(pod, new Map([[dpRank, value]]));
    else ranks.set(dpRank, value);
  }

  byRank(): ByRank {
    const pods = Array.from(
      this.#pods,
      ([pod, ranks]) => [pod, Object.fromEntries(ranks)] as const,
    );
    return Object.fromEntries(pods);
  }
}
