// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '../kv-block-index.ts';
import { type Holder, newHolder } from './holder.ts';

/**
 * The holders in being, and those that were given up and whose blocks are still to be taken out. A slot serves again
 * only when no block names it any more.
 */
export class Holders {
  readonly bySlot: (Holder | undefined)[] = [];
  readonly retired: Holder[] = [];
  readonly #byPod = new Map<string, Map<string, Holder>>();
  readonly #freeSlots: number[] = [];
  #slots = 0;

  /** Slots given out so far. */
  get slots(): number {
    return this.#slots;
  }

  /** The holder of a source, anew if there was none or its epoch is another. */
  of(source: KvEventSource): Holder {
    const ranks = this.#byPod.get(source.pod) ?? new Map<string, Holder>();
    if (ranks.size === 0) this.#byPod.set(source.pod, ranks);
    const rank = `${source.dpRank} ${source.model}`;
    const known = ranks.get(rank);
    if (known?.source.epoch === source.epoch) return known;
    if (known !== undefined) this.#retire(known);
    const holder = this.#create(source);
    ranks.set(rank, holder);
    return holder;
  }

  /** Puts an empty holder in place of this one. */
  renew(holder: Holder): void {
    const { pod, dpRank, model } = holder.source;
    this.#retire(holder);
    this.#byPod.get(pod)?.set(`${dpRank} ${model}`, this.#create(holder.source));
  }

  /** The holders of a pod. */
  ofPod(pod: string): Holder[] {
    return [...(this.#byPod.get(pod)?.values() ?? [])];
  }

  remove(pod: string): void {
    for (const holder of this.ofPod(pod)) this.#retire(holder);
    this.#byPod.delete(pod);
  }

  /** Gives back the slot of a retired holder that no block names any more. */
  release(holder: Holder): void {
    this.retired.splice(this.retired.indexOf(holder), 1);
    this.#freeSlots.push(holder.slot);
  }

  #create(source: KvEventSource): Holder {
    const holder = newHolder(this.#freeSlots.pop() ?? this.#slots++, { ...source });
    this.bySlot[holder.slot] = holder;
    return holder;
  }

  #retire(holder: Holder): void {
    this.bySlot[holder.slot] = undefined;
    this.retired.push(holder);
  }
}
