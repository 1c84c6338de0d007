// SPDX-License-Identifier: Apache-2.0
import { type AttentionGroup, attentionGroup } from './attention-group.ts';
import { defaultTierWeights } from './cache-tier.ts';

interface NaiveHolder {
  epoch: string;
  readonly everywhere: boolean;
  /** Copies by "tier group key". */
  readonly copies: Map<string, number>;
  readonly groups: Map<number, AttentionGroup>;
}

/** What a lookup finds, in plain values. */
export interface NaiveMatch {
  readonly blocks: number;
  readonly tiers: Readonly<Record<string, number>>;
}

/** An index straight from the definitions: maps of strings, and every prefix length tried. */
export class NaiveIndex {
  readonly #holders = new Map<string, NaiveHolder>();
  readonly #window: number;

  /** `windowBlocks`: what a sliding window needs, in blocks. */
  constructor(windowBlocks: number) {
    this.#window = windowBlocks;
  }

  holder(name: string, epoch: string, everywhere: boolean): NaiveHolder {
    const known = this.#holders.get(name);
    if (known?.epoch === epoch) return known;
    const holder = {
      epoch,
      everywhere,
      copies: new Map<string, number>(),
      groups: new Map<number, AttentionGroup>(),
    };
    this.#holders.set(name, holder);
    return holder;
  }

  store(
    holder: NaiveHolder,
    keys: readonly string[],
    where: { tier: string; group: number; kind: string; window: number | null },
  ): void {
    const needs = attentionGroup(where.kind, where.window);
    if (needs === undefined) return;
    if (!holder.groups.has(where.group)) holder.groups.set(where.group, needs);
    for (const key of keys) {
      const name = `${where.tier} ${where.group} ${key}`;
      holder.copies.set(name, (holder.copies.get(name) ?? 0) + 1);
    }
  }

  remove(
    holder: NaiveHolder,
    keys: readonly string[],
    { tier, group }: { tier: string; group: number },
  ): void {
    for (const key of keys) {
      const name = `${tier} ${group} ${key}`;
      const count = holder.copies.get(name) ?? 0;
      if (count > 1) holder.copies.set(name, count - 1);
      else holder.copies.delete(name);
    }
  }

  clear(name: string): void {
    const holder = this.#holders.get(name);
    holder?.copies.clear();
    holder?.groups.clear();
  }

  forget(name: string): void {
    this.#holders.delete(name);
  }

  lookup(keys: readonly string[]): { holders: Record<string, NaiveMatch>; everywhere: NaiveMatch } {
    const all = [...this.#holders];
    const everywhere = all.filter(([, holder]) => holder.everywhere).map(([, holder]) => holder);
    const holders: Record<string, NaiveMatch> = {};
    for (const [name, holder] of all) {
      if (holder.everywhere) continue;
      const match = this.#match(keys, holder.groups, [holder, ...everywhere]);
      const owns = keys
        .slice(0, match.blocks)
        .some((key) => this.#has([holder], holder.groups, key));
      if (match.blocks > 0 && owns) holders[name] = match;
    }
    const groups = new Map(everywhere.flatMap((holder) => [...holder.groups]));
    return { holders, everywhere: this.#match(keys, groups, everywhere) };
  }

  #match(
    keys: readonly string[],
    groups: ReadonlyMap<number, AttentionGroup>,
    holders: readonly NaiveHolder[],
  ): NaiveMatch {
    for (let length = keys.length; length > 0 && groups.size > 0; length--) {
      const usable = [...groups].every(([group, { needs }]) => {
        const first = needs === 'all' ? 0 : needs === 'last' ? length - 1 : length - this.#window;
        return keys
          .slice(Math.max(0, first), length)
          .every((key) => this.#tier(holders, group, key) !== undefined);
      });
      if (usable)
        return { blocks: length, tiers: this.#tiers(keys.slice(0, length), groups, holders) };
    }
    return { blocks: 0, tiers: {} };
  }

  #tiers(
    keys: readonly string[],
    groups: ReadonlyMap<number, AttentionGroup>,
    holders: readonly NaiveHolder[],
  ) {
    const counts: Record<string, number> = {};
    for (const key of keys) {
      const found = [...groups.keys()].flatMap((group) => this.#tier(holders, group, key) ?? []);
      const slowest = found.sort((a, b) => weight(a) - weight(b))[0] ?? 'gpu';
      counts[slowest] = (counts[slowest] ?? 0) + 1;
    }
    return counts;
  }

  #tier(holders: readonly NaiveHolder[], group: number, key: string): string | undefined {
    const tiers = Object.keys(defaultTierWeights).filter((tier) =>
      holders.some(({ copies }) => copies.has(`${tier} ${group} ${key}`)),
    );
    return tiers.sort((a, b) => weight(b) - weight(a))[0];
  }

  #has(
    holders: readonly NaiveHolder[],
    groups: ReadonlyMap<number, AttentionGroup>,
    key: string,
  ): boolean {
    return [...groups.keys()].some((group) => this.#tier(holders, group, key) !== undefined);
  }
}

const weight = (tier: string): number => defaultTierWeights[tier] ?? 0;
