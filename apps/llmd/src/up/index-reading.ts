// SPDX-License-Identifier: Apache-2.0
import type { Member } from './stack-metrics.ts';

/** How well one engine's cache is known. */
export interface KnownEngine {
  readonly state: 'whole' | 'incomplete' | 'waiting' | 'silent';
  /** From the engine's socket into the index, of the last batch. */
  readonly lagMs: number;
}

/** What the gateway said of its index of the engines' caches. */
export interface IndexReading {
  /** Different blocks that some engine has. */
  readonly blocks: number;
  /** False while events are still being caught up with. */
  readonly isCaughtUp: boolean;
  /** False while prompts are tokenized otherwise than by the engines, for which the index is not used. */
  readonly isTrusted: boolean;
  /** By the names of endpoints; those that were never heard of are missing. */
  readonly engines: ReadonlyMap<string, KnownEngine>;
}

/** As far as it is read here. */
interface PluginStates {
  readonly plugins: Readonly<Record<string, { readonly type: string; readonly state?: unknown }>>;
}

interface PreciseState {
  readonly tokenParity: { readonly trusted: boolean };
  readonly freshness: { readonly isCaughtUp: boolean } | null;
  readonly sources: readonly (KnownEngine & { readonly source: { readonly pod: string } })[];
  readonly index?: { readonly blocks: number };
}

/** Reads the states of the gateway's plugins; undefined where none of them has an index. */
export function readIndex(text: Buffer, members: readonly Member[]): IndexReading | undefined {
  // What our own gateway answers.
  const { plugins } = JSON.parse(text.toString()) as PluginStates;
  const plugin = Object.values(plugins).find(
    ({ type, state }) => type === 'precise-prefix-cache-producer' && state !== undefined,
  );
  if (plugin === undefined) return undefined;
  const { tokenParity, freshness, sources, index } = plugin.state as PreciseState;
  const ofPod = (pod: string): KnownEngine | undefined => {
    const ranks = sources.filter(({ source }) => source.pod === pod);
    return ranks.find(({ state }) => state !== 'whole') ?? ranks[0];
  };
  return {
    blocks: index?.blocks ?? 0,
    isCaughtUp: freshness?.isCaughtUp ?? false,
    isTrusted: tokenParity.trusted,
    engines: new Map(
      members.flatMap(({ name, address }) => {
        const known = ofPod(address);
        return known === undefined ? [] : [[name, { state: known.state, lagMs: known.lagMs }]];
      }),
    ),
  };
}
