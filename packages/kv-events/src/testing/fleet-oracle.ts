// SPDX-License-Identifier: Apache-2.0
import { type Random, randomBelow } from '@llm-d/determinism';
import { type KvBlockIndex, type KvEventSource, createRequestKeyHasher } from '@llm-d/kv-index';
import { type EventSetup, cleared, removed, stored } from './batch-encoding.ts';

export interface FleetOptions {
  readonly random: Random;
  /** Tokens in a block of the engines and of the index. Default 4. */
  readonly blockSizeTokens?: number;
  /** Different prompts that engines see; they share beginnings. Default 12. */
  readonly prompts?: number;
  /** Blocks of the longest prompt. Default 8. */
  readonly promptBlocks?: number;
}

/** One rank of one engine, and what it truly holds. */
export interface FleetEngine {
  readonly pod: string;
  readonly dpRank: number;
  /** Does one random thing: serves a prompt, evicts blocks or, rarely, drops all. The events are what it announces. */
  step(): readonly EventSetup[];
  /** Its process ends and another one begins, which holds nothing and announces nothing. */
  restart(): void;
  /** How many leading blocks of these tokens it holds. */
  holds(tokens: readonly number[]): number;
}

/** Engines with block caches straight from the definition: the truth that an index is held against. */
export interface Fleet {
  readonly engines: readonly FleetEngine[];
  readonly prompts: readonly (readonly number[])[];
  add(pod: string, dpRank?: number): FleetEngine;
  /** The pod and its ranks are no more. */
  remove(pod: string): void;
  /** Where an index does not say what the engines hold; empty when it tells the truth. */
  differences(
    index: Pick<KvBlockIndex, 'lookup'>,
    model: string,
  ): Promise<readonly FleetDifference[]>;
}

/** A prompt of which an index says something else than is true. */
export interface FleetDifference {
  readonly pod: string;
  readonly dpRank: number;
  /** Position among the fleet's prompts. */
  readonly prompt: number;
  /** Leading blocks that the engine holds, and those that the index names. */
  readonly held: number;
  readonly said: number;
}

/** A fleet without engines. */
export function createFleet(options: FleetOptions): Fleet {
  const { random, blockSizeTokens = 4, prompts: count = 12, promptBlocks = 8 } = options;
  const prompts = makePrompts(random, { count, promptBlocks, blockSizeTokens });
  const engines: NaiveEngine[] = [];
  const hasher = createRequestKeyHasher();
  return {
    engines,
    prompts,
    add: (pod, dpRank = 0) => {
      const engine = new NaiveEngine({ pod, dpRank }, { random, blockSizeTokens, prompts });
      engines.push(engine);
      return engine;
    },
    remove: (pod) => {
      engines.splice(0, engines.length, ...engines.filter((engine) => engine.pod !== pod));
    },
    differences: async (index, model) => {
      const found: FleetDifference[] = [];
      for (const [prompt, tokens] of prompts.entries()) {
        const keys = hasher.keys(Uint32Array.from(tokens), { model, blockSizeTokens });
        const { holders } = await index.lookup(keys.slice());
        for (const { pod, dpRank } of [...engines, ...holders]) {
          const isOne = (other: { pod: string; dpRank: number }) =>
            other.pod === pod && other.dpRank === dpRank;
          const held = engines.find(isOne)?.holds(tokens) ?? 0;
          const said = holders.find(isOne)?.blocks ?? 0;
          const isKnown = found.some((other) => isOne(other) && other.prompt === prompt);
          if (held !== said && !isKnown) found.push({ pod, dpRank, prompt, held, said });
        }
      }
      return found;
    },
  };
}

function makePrompts(
  random: Random,
  sizes: {
    readonly count: number;
    readonly promptBlocks: number;
    readonly blockSizeTokens: number;
  },
): number[][] {
  const prompts: number[][] = [];
  while (prompts.length < sizes.count) {
    const model = prompts[randomBelow(random, Math.max(1, prompts.length))] ?? [];
    const blocks = 1 + randomBelow(random, sizes.promptBlocks);
    const shared = model.slice(0, randomBelow(random, blocks) * sizes.blockSizeTokens);
    const rest = blocks * sizes.blockSizeTokens - shared.length;
    prompts.push([...shared, ...Array.from({ length: rest }, () => randomBelow(random, 1000))]);
  }
  return prompts;
}

class NaiveEngine implements FleetEngine {
  readonly pod: string;
  readonly dpRank: number;
  readonly #random: Random;
  readonly #blockSizeTokens: number;
  readonly #prompts: readonly (readonly number[])[];
  /** Copies by hash. */
  readonly #copies = new Map<bigint, number>();
  /** Makes the hashes of each life its own, as an engine's random seed does. */
  #seed = 0n;

  constructor(
    { pod, dpRank }: Pick<KvEventSource, 'pod' | 'dpRank'>,
    from: {
      readonly random: Random;
      readonly blockSizeTokens: number;
      readonly prompts: readonly (readonly number[])[];
    },
  ) {
    this.pod = pod;
    this.dpRank = dpRank;
    this.#random = from.random;
    this.#blockSizeTokens = from.blockSizeTokens;
    this.#prompts = from.prompts;
    this.restart();
  }

  step(): readonly EventSetup[] {
    const dice = randomBelow(this.#random, 40);
    if (dice === 0) {
      this.#copies.clear();
      return [cleared()];
    }
    if (dice < 15 && this.#copies.size > 0) return this.#evict(1 + randomBelow(this.#random, 4));
    const prompt = this.#prompts[randomBelow(this.#random, this.#prompts.length)] ?? [];
    return this.#serve(prompt);
  }

  restart(): void {
    this.#copies.clear();
    this.#seed = BigInt(randomBelow(this.#random, 2 ** 32));
  }

  holds(tokens: readonly number[]): number {
    const hashes = this.#hashes(tokens);
    const missing = hashes.findIndex((hash) => !this.#copies.has(hash));
    return missing < 0 ? hashes.length : missing;
  }

  /** Computes what follows the prefix that it has, and keeps it even where it has later blocks already. */
  #serve(tokens: readonly number[]): readonly EventSetup[] {
    const from = this.holds(tokens);
    const hashes = this.#hashes(tokens);
    const computed = hashes.slice(from);
    if (computed.length === 0) return [];
    for (const hash of computed) this.#copies.set(hash, (this.#copies.get(hash) ?? 0) + 1);
    return [
      stored({
        hashes: computed,
        parent: hashes[from - 1],
        tokens: tokens.slice(from * this.#blockSizeTokens),
      }),
    ];
  }

  #evict(count: number): readonly EventSetup[] {
    return Array.from({ length: Math.min(count, this.#copies.size) }, () => {
      const held = [...this.#copies.keys()];
      const hash = held[randomBelow(this.#random, held.length)] ?? 0n;
      const copies = this.#copies.get(hash) ?? 0;
      if (copies > 1) this.#copies.set(hash, copies - 1);
      else this.#copies.delete(hash);
      return removed(hash);
    });
  }

  /** FNV-1a over the tokens so far: any chain will do. */
  #hashes(tokens: readonly number[]): bigint[] {
    const hashes: bigint[] = [];
    let hash = 0xcbf29ce484222325n ^ this.#seed;
    for (const [i, token] of tokens.entries()) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(token)) * 0x100000001b3n);
      if ((i + 1) % this.#blockSizeTokens === 0) hashes.push(hash);
    }
    return hashes;
  }
}
