// SPDX-License-Identifier: Apache-2.0
import { type AttentionGroup, blocksNeeded } from '../attention-group.ts';
import type { KvMatch, KvMatches, KvPrefix, KvTierBlocks } from '../kv-block-index.ts';
import type { OwningHolder } from './holder.ts';
import { NOBODY } from './owner-sets.ts';
import type { Plane } from './planes.ts';
import type { MatcherTables } from './prefix-matcher.ts';

/** A KV-cache group while the chain is followed. */
interface GroupRun {
  readonly needs: number;
  readonly planes: readonly Plane[];
  /** Blocks without a gap up to the present one. */
  run: number;
}

/**
 * Finds the usable prefix of holders with several KV-cache groups, or with storage that everyone can load from. A prefix
 * of L blocks is usable when groups of full attention have all of them, and each other group the last blocks that it
 * needs: those of its window, or one for a state.
 */
export class GroupMatcher {
  readonly #tables: MatcherTables;

  constructor(tables: MatcherTables) {
    this.#tables = tables;
  }

  /** Holders that are everywhere count for all, and are not listed themselves. */
  match(keys: Uint32Array, holders: readonly OwningHolder[]): KvMatches {
    const everywhere = holders.filter(({ source }) => source.everywhere === true);
    const chain = this.#owners(keys, holders);
    const matches: KvMatch[] = [];
    for (const holder of holders) {
      if (holder.source.everywhere === true) continue;
      const groups = new Map([...holder.groups]);
      const { prefix, own } = this.#prefix(chain, groups, { holder, everywhere });
      const { pod, dpRank, model } = holder.source;
      if (own) matches.push({ pod, dpRank, model, ...prefix });
    }
    const groups = new Map(everywhere.flatMap((holder) => [...holder.groups]));
    const { prefix } = this.#prefix(chain, groups, { holder: undefined, everywhere });
    return { holders: matches, everywhere: prefix };
  }

  /** The owners of each block, up to the first that nobody can go on from. */
  #owners(keys: Uint32Array, holders: readonly OwningHolder[]): number[] {
    const gaps = holders.some(({ groups }) => ![...groups.values()].some(isFull));
    const chain: number[] = [];
    for (let at = 0; at < keys.length >>> 1; at++) {
      const owner = this.#tables.blocks.ownerAt(keys, at);
      if (owner === NOBODY && !gaps) break;
      chain.push(owner);
    }
    return chain;
  }

  #prefix(
    chain: readonly number[],
    groups: ReadonlyMap<number, AttentionGroup>,
    who: {
      readonly holder: OwningHolder | undefined;
      readonly everywhere: readonly OwningHolder[];
    },
  ): { prefix: KvPrefix; own: boolean } {
    const slots = [...(who.holder === undefined ? [] : [who.holder]), ...who.everywhere];
    const runs = this.#runs(groups);
    const tiers: number[] = [];
    let usable = 0;
    let firstOwn = Infinity;
    if (runs.length === 0) return { prefix: this.#sum(tiers, 0), own: false };
    for (const owner of chain) {
      const { tier, own } = this.#block(owner, runs, slots, who.holder?.slot);
      if (runs.some(({ needs, run }) => needs === Infinity && run <= tiers.length)) break;
      tiers.push(tier);
      if (own) firstOwn = Math.min(firstOwn, tiers.length);
      const { length } = tiers;
      if (runs.every(({ needs, run }) => run >= Math.min(needs, length))) usable = length;
    }
    return { prefix: this.#sum(tiers, usable), own: firstOwn <= usable };
  }

  #runs(groups: ReadonlyMap<number, AttentionGroup>): GroupRun[] {
    const { planes, blockSizeTokens } = this.#tables;
    return [...groups].map(([group, kind]) => ({
      needs: blocksNeeded(kind, blockSizeTokens),
      planes: planes.all.filter((plane) => plane.group === group),
      run: 0,
    }));
  }

  /** Carries every group's run over one block, and says from which tier the block would come. */
  #block(
    owner: number,
    runs: readonly GroupRun[],
    holders: readonly OwningHolder[],
    ownSlot: number | undefined,
  ): { tier: number; own: boolean } {
    const { planes } = this.#tables;
    let slowest = -1;
    let own = false;
    for (const group of runs) {
      let best = -1;
      for (const plane of group.planes) {
        for (const { slot } of holders) {
          if (owner === NOBODY || !this.#tables.owners.has(owner, slot, plane.id)) continue;
          own ||= slot === ownSlot;
          if (best < 0 || planes.weight(plane.tier) > planes.weight(best)) best = plane.tier;
        }
      }
      group.run = best < 0 ? 0 : group.run + 1;
      // A block is as far away as the farthest of its parts.
      if (best >= 0 && (slowest < 0 || planes.weight(best) < planes.weight(slowest)))
        slowest = best;
    }
    return { tier: slowest, own };
  }

  #sum(tierOfBlock: readonly number[], blocks: number): KvPrefix {
    const { planes } = this.#tables;
    const counts = new Map<number, number>();
    let weightedBlocks = 0;
    for (const tier of tierOfBlock.slice(0, blocks)) {
      // A block that only lies before the windows is needed by no one: nothing has to be loaded.
      const known = tier < 0 ? planes.best : tier;
      weightedBlocks += planes.weight(known);
      counts.set(known, (counts.get(known) ?? 0) + 1);
    }
    const byTier: KvTierBlocks[] = [...counts].map(([tier, count]) => ({
      tier: planes.tiers[tier]?.name ?? '',
      blocks: count,
    }));
    return { blocks, weightedBlocks, byTier };
  }
}

const isFull = ({ needs }: AttentionGroup): boolean => needs === 'all';
