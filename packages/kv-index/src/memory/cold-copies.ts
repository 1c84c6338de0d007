// SPDX-License-Identifier: Apache-2.0
import type { BlockTable } from './block-table.ts';
import type { Holder } from './holder.ts';
import type { Holders } from './holders.ts';

export interface ColdCopiesOptions {
  readonly blocks: BlockTable;
  readonly holders: Holders;
  /** Takes an engine hash with all that it stands for away from its holder, and returns how many copies that were. */
  readonly drop: (holder: Holder, low: number, high: number) => number;
}

/** Share of what there is room for that is stored in an era. */
const ERA_SHARE = 1 / 8;

/**
 * Chooses what an index that is full forgets. A hand goes round over all holders' tables and takes what is cold: neither
 * stored nor looked up while the last half of what there is room for was stored, in eras of an eighth. So a prompt's
 * blocks, which are looked up together, stay or go together, and it costs four bits a block where exact recency would
 * cost a list through all of them.
 */
export class ColdCopies {
  readonly #options: ColdCopiesOptions;
  #slot = 0;
  #place = 0;
  #storedInEra = 0;

  constructor(options: ColdCopiesOptions) {
    this.#options = options;
  }

  /** Copies are stored where there is room for `most`. */
  stored(copies: number, most: number): void {
    this.#storedInEra += copies;
    if (this.#storedInEra < ERA_SHARE * most) return;
    this.#storedInEra = 0;
    this.#options.blocks.nextEra();
  }

  /** Forgets at least so many copies, if there are. Returns how many. */
  forget(copies: number): number {
    const { blocks, holders } = this.#options;
    let forgotten = 0;
    // Where a whole round finds too little, the era ends early: in the sixth round, everything is cold.
    for (let rounds = 0; forgotten < copies && rounds <= 6;) {
      if (this.#slot >= holders.bySlot.length) {
        this.#slot = 0;
        blocks.nextEra();
        rounds++;
      }
      const holder = holders.bySlot[this.#slot];
      if (holder !== undefined) forgotten += this.#sweep(holder, copies - forgotten);
      if (forgotten >= copies) break;
      this.#slot++;
      this.#place = 0;
    }
    return forgotten;
  }

  /** Goes on in one holder's table until enough is forgotten or its end is reached. */
  #sweep(holder: Holder, copies: number): number {
    const { engine } = holder;
    let forgotten = 0;
    while (this.#place < engine.capacity && forgotten < copies) {
      if (!engine.isUsed(this.#place) || this.#isWarm(holder, this.#place)) this.#place++;
      else {
        // Another entry may have come to the place, so the hand stays.
        const low = engine.hashLow(this.#place);
        forgotten += this.#options.drop(holder, low, engine.hashHigh(this.#place));
      }
    }
    if (this.#place >= engine.capacity) engine.shrink();
    return forgotten;
  }

  /** A hash stands for its blocks together: what continues it hangs on the last of them. */
  #isWarm({ engine }: Holder, place: number): boolean {
    const { blocks } = this.#options;
    if (blocks.isWarm(engine.keyLow(place), engine.keyHigh(place))) return true;
    let at = engine.first(engine.hashLow(place), engine.hashHigh(place));
    for (; at >= 0; at = engine.next(at)) {
      if (blocks.isWarm(engine.keyLow(at), engine.keyHigh(at))) return true;
    }
    return false;
  }
}
