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
  /** The life that has a slot, given up or not. */
  readonly #lives: number[] = [];
  #slots = 0;
  #life = 0;
  #version = 0;

  /** Slots given out so far. */
  get slots(): number {
    return this.#slots;
  }

  /** Another number whenever a holder came or went. */
  get version(): number {
    return this.#version;
  }

  /** The last life that was given out. */
  get lives(): number {
    return this.#life;
  }

  /** Whose life the blocks of a slot belong to. */
  lifeOf(slot: number): number {
    return this.#lives[slot] ?? 0;
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

  /** A holder that another process had, with the number of its life. */
  restore(source: KvEventSource, life: number): Holder {
    const holder = this.#create(source, life);
    const ranks = this.#byPod.get(source.pod) ?? new Map<string, Holder>();
    if (ranks.size === 0) this.#byPod.set(source.pod, ranks);
    ranks.set(`${source.dpRank} ${source.model}`, holder);
    return holder;
  }

  /** Lives up to this one are not given out again. */
  liveOnAfter(life: number): void {
    this.#life = Math.max(this.#life, life);
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

  #create(source: KvEventSource, life = this.#life + 1): Holder {
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    this.#life = Math.max(this.#life, life);
    const holder = newHolder(slot, life, { ...source });
    this.#lives[slot] = holder.life;
    this.#version++;
    this.bySlot[holder.slot] = holder;
    return holder;
  }

  #retire(holder: Holder): void {
    this.#version++;
    this.bySlot[holder.slot] = undefined;
    this.retired.push(holder);
  }
}
