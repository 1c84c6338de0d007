// SPDX-License-Identifier: Apache-2.0
import type { TierWeights } from '../cache-tier.ts';
import type { KvMatches } from '../kv-block-index.ts';
import type { OwningHolder } from '../memory/holder.ts';
import { isPlain } from '../memory/holder.ts';
import { NOBODY, OwnerSets } from '../memory/owner-sets.ts';
import { Planes } from '../memory/planes.ts';
import { PrefixMatcher } from '../memory/prefix-matcher.ts';
import { readRow } from '../rows/row-codec.ts';
import type { StoredDirectory } from './directory-text.ts';

const MAX_KNOWN_ROWS = 8192;

export interface RowTablesOptions {
  readonly blockSizeTokens: number;
  readonly tierWeights: TierWeights;
}

/** What rows mean by one directory, and who has the longest beginning of a chain of them. */
export class RowTables {
  readonly #directory: StoredDirectory;
  readonly #options: RowTablesOptions;
  readonly #slots = new Map<number, number>();
  readonly #bySlot: OwningHolder[];
  readonly #planes: Planes;
  #owners = new OwnerSets();
  #matcher: PrefixMatcher;
  /** Owners' words of rows seen before: most blocks of a fleet have one of few sets of owners. */
  readonly #known = new Map<string, number>();
  #words: Uint32Array = new Uint32Array();
  #last: Buffer | undefined;
  #lastWord = NOBODY;
  /** Whether a chain may be usable beyond a block that nobody has: windows and states need only its end. */
  readonly hasGaps: boolean;

  constructor(directory: StoredDirectory, options: RowTablesOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#planes = new Planes(options.tierWeights);
    for (const tier of directory.tiers) this.#planes.tier(tier);
    for (const [tier, group] of directory.planes) this.#planes.plane(tier, group);
    this.#bySlot = directory.holders.map(({ life, source, groups }, slot) => {
      this.#slots.set(life, slot);
      return { slot, source, groups: new Map(groups) };
    });
    this.hasGaps = this.#bySlot.some(
      (holder) => !isPlain(holder) && ![...holder.groups.values()].some(needsAll),
    );
    this.#matcher = this.#newMatcher();
  }

  /** The owners' word of a row; 0 where none of its lives is listed. Holds until {@link match}. */
  wordOf(row: Buffer | null): number {
    if (row === null) return NOBODY;
    // Blocks next to each other mostly have the same owners.
    if (this.#last?.equals(row) === true) return this.#lastWord;
    const text = row.toString('latin1');
    const word = this.#known.get(text) ?? this.#read(row, text);
    this.#last = row;
    this.#lastWord = word;
    return word;
  }

  /** Matches a chain whose owners' words are given. */
  match(keys: Uint32Array, words: Uint32Array): KvMatches {
    this.#words = words;
    const matches = this.#matcher.match(keys);
    if (this.#known.size > MAX_KNOWN_ROWS) this.#forget();
    return matches;
  }

  #read(row: Buffer, text: string): number {
    let word = NOBODY;
    const isRow = readRow(row, (plane, life) => {
      const slot = this.#slots.get(life);
      // Given up since, or not in this directory yet: then the next one names it.
      if (slot === undefined || plane >= this.#planes.all.length) return;
      word = this.#owners.with(word, slot, plane);
    });
    if (!isRow) word = NOBODY;
    this.#known.set(text, word);
    return word;
  }

  #forget(): void {
    this.#known.clear();
    this.#last = undefined;
    this.#owners = new OwnerSets();
    this.#matcher = this.#newMatcher();
  }

  #newMatcher(): PrefixMatcher {
    this.#owners.widen(this.#bySlot.length, this.#planes.all.length);
    return new PrefixMatcher({
      blocks: { ownerAt: (_, at) => this.#words[at] ?? NOBODY },
      owners: this.#owners,
      holders: { bySlot: this.#bySlot },
      planes: this.#planes,
      blockSizeTokens: this.#options.blockSizeTokens,
    });
  }

  get version(): number {
    return this.#directory.version;
  }
}

const needsAll = ({ needs }: { readonly needs: string }): boolean => needs === 'all';
