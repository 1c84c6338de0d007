// SPDX-License-Identifier: Apache-2.0
import type { EventHistory, RawEvent } from './event-history.ts';

/** What a prompt is made of, as an engine caches it. */
export interface CachedPrompt {
  readonly ids: readonly number[];
  /** Name of the adapter; none for the model itself. */
  readonly adapter?: string | undefined;
  readonly salt?: string | undefined;
}

/** What an engine holds, added up from all that it has published: stored minus removed. */
export interface EngineLedger {
  /** Number of the last batch; -1 before the first. */
  readonly last: number;
  readonly hashes: EventHistory['hashes'];
  /** Different blocks that are held at least once. */
  readonly blocks: number;
  /** Copies of blocks stored and removed since the beginning, and times that everything was cleared. */
  readonly stored: number;
  readonly removed: number;
  readonly cleared: number;
  /** Leading blocks of a prompt that are held. */
  prefixOf(prompt: CachedPrompt): number;
}

/** Adds a history up. */
export function addUp({ last, events, hashes }: EventHistory): EngineLedger {
  const sums = new Sums();
  for (const event of events) sums.add(event);
  const { stored, removed, cleared } = sums;
  return {
    ...{ last, hashes, stored, removed, cleared },
    blocks: sums.copies.size,
    prefixOf: (prompt) => sums.prefixOf(prompt),
  };
}

class Sums {
  stored = 0;
  removed = 0;
  cleared = 0;
  /** How often each block is held. */
  readonly copies = new Map<string, number>();
  /** The hash of each block that ever was, by its parent and what is in it. */
  readonly #hashes = new Map<string, string>();
  #blockSize = 0;

  add(event: RawEvent): void {
    switch (event.type) {
      case 'BlockStored':
        this.#store(event);
        break;
      case 'BlockRemoved':
        for (const hash of event.hashes) this.#remove(hash);
        break;
      case 'AllBlocksCleared':
        this.cleared++;
        this.copies.clear();
    }
  }

  prefixOf({ ids, adapter, salt }: CachedPrompt): number {
    let parent: string | null = null;
    for (let block = 0; ; block++) {
      const extras: readonly string[] = block === 0 && salt !== undefined ? [salt] : [];
      const tokens = ids.slice(block * this.#blockSize, (block + 1) * this.#blockSize);
      if (this.#blockSize === 0 || tokens.length < this.#blockSize) return block;
      const hash = this.#hashes.get(contentOf(parent, tokens, adapter ?? null, extras));
      if (hash === undefined || !this.copies.has(hash)) return block;
      parent = hash;
    }
  }

  #store(event: RawEvent & { type: 'BlockStored' }): void {
    const { hashes, tokens, blockSize, adapter, extras } = event;
    this.#blockSize = blockSize;
    let { parent } = event;
    for (const [i, hash] of hashes.entries()) {
      const own = tokens.slice(i * blockSize, (i + 1) * blockSize);
      this.#hashes.set(contentOf(parent, own, adapter, extras[i] ?? []), hash);
      this.copies.set(hash, (this.copies.get(hash) ?? 0) + 1);
      this.stored++;
      parent = hash;
    }
  }

  #remove(hash: string): void {
    const left = (this.copies.get(hash) ?? 0) - 1;
    if (left < 0) throw new Error(`an engine removed ${hash}, which it did not have`);
    if (left === 0) this.copies.delete(hash);
    else this.copies.set(hash, left);
    this.removed++;
  }
}

const contentOf = (
  parent: string | null,
  tokens: readonly number[],
  adapter: string | null,
  extras: readonly string[],
): string => JSON.stringify([parent, tokens, adapter, extras]);
