// SPDX-License-Identifier: Apache-2.0
import type { TierWeights } from '../../cache-tier.ts';
import type { KvMatches } from '../../kv-block-index.ts';
import type { OwningHolder } from '../../memory/holder.ts';
import { NOBODY, OwnerSets } from '../../memory/owner-sets.ts';
import { Planes } from '../../memory/planes.ts';
import { PrefixMatcher } from '../../memory/prefix-matcher.ts';
import { parsePodEntry } from './pod-entry.ts';

/** Kept of what rows said before; beyond, it begins anew. */
const MAX_KNOWN = 8192;
const MAX_PLANES = 256;

export interface UpstreamTablesOptions {
  readonly tierWeights: TierWeights;
  /** What matches say of the model: rows do not know it. */
  readonly model: string;
}

/** What llm-d's rows mean. Pods and tiers are learnt from the rows themselves. */
export class UpstreamTables {
  readonly #options: UpstreamTablesOptions;
  readonly #slots = new Map<string, number>();
  readonly #bySlot: OwningHolder[] = [];
  readonly #planes: Planes;
  readonly #owners = new OwnerSets();
  readonly #matcher: PrefixMatcher;
  /** Slot and plane of entries seen before; null for text that is none. */
  readonly #entries = new Map<string, { readonly slot: number; readonly plane: number } | null>();
  readonly #words = new Map<string, number>();
  #chain: Uint32Array = new Uint32Array();

  constructor(options: UpstreamTablesOptions) {
    this.#options = options;
    this.#planes = new Planes(options.tierWeights);
    this.#matcher = new PrefixMatcher({
      blocks: { ownerAt: (_, at) => this.#chain[at] ?? NOBODY },
      owners: this.#owners,
      holders: { bySlot: this.#bySlot },
      planes: this.#planes,
      blockSizeTokens: 1,
    });
  }

  /** Whether it has grown so much that another should take its place. */
  get isFull(): boolean {
    return Math.max(this.#words.size, this.#entries.size) > MAX_KNOWN;
  }

  /** The owners' word of a row. */
  wordOf(fields: readonly string[]): number {
    const text = fields.join('\n');
    const known = this.#words.get(text);
    if (known !== undefined) return known;
    const owners = fields.flatMap((field) => this.#entry(field) ?? []);
    this.#owners.widen(this.#bySlot.length, this.#planes.all.length);
    let word = NOBODY;
    for (const { slot, plane } of owners) word = this.#owners.with(word, slot, plane);
    this.#words.set(text, word);
    return word;
  }

  match(keys: Uint32Array, words: readonly number[]): KvMatches {
    this.#chain = Uint32Array.from(words);
    return this.#matcher.match(keys.subarray(0, 2 * words.length));
  }

  #entry(field: string): { readonly slot: number; readonly plane: number } | null {
    const known = this.#entries.get(field);
    if (known !== undefined) return known;
    const entry = parsePodEntry(field);
    const place =
      entry === undefined ? null : { slot: this.#slot(entry.pod), plane: this.#plane(entry) };
    const usable = place !== null && place.plane < MAX_PLANES ? place : null;
    this.#entries.set(field, usable);
    return usable;
  }

  #slot(pod: string): number {
    const known = this.#slots.get(pod);
    if (known !== undefined) return known;
    const source = { pod, dpRank: 0, model: this.#options.model, epoch: '' };
    const slot = this.#bySlot.length;
    this.#bySlot.push({ slot, source, groups: new Map([[0, { needs: 'all' }]]) });
    this.#slots.set(pod, slot);
    return slot;
  }

  /** Any group counts, as in llm-d: only those that need all blocks are there. */
  #plane({ tier, speculative }: { readonly tier: string; readonly speculative: boolean }): number {
    return this.#planes.plane(this.#planes.tier(speculative ? 'speculative' : tier), 0).id;
  }
}
