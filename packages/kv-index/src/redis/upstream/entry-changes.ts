// SPDX-License-Identifier: Apache-2.0
import type { KvCopyChange, KvIndexRows, KvRowHolder } from '../../rows/index-rows.ts';
import { decimalKey, podEntryText } from './pod-entry.ts';

/** One change of llm-d's rows. */
export interface EntryChange {
  readonly isAdded: boolean;
  /** `engine:<decimal>`. */
  readonly engineKey: string;
  readonly requestKey: string;
  /** Position of the request key among those of the engine key. */
  readonly position: number;
  /** The pod's entry. */
  readonly field: string;
}

interface Life {
  readonly holder: KvRowHolder;
  /** By plane; undefined for planes that llm-d does not index. */
  readonly fields: Map<number, string | undefined>;
  copies: number;
}

/** Says the changes of an index in llm-d's words. What llm-d does not index is left out: see `createUpstreamKvRedisWriter`. */
export class EntryChanges {
  readonly #rows: KvIndexRows;
  readonly #lives = new Map<number, Life>();
  #lastHashLow = -1;
  #lastHashHigh = -1;
  #lastLife = -1;
  #position = 0;

  constructor(rows: KvIndexRows) {
    this.#rows = rows;
  }

  /** Undefined: not for llm-d. */
  of(change: KvCopyChange, isAdded: boolean): EntryChange | undefined {
    const position = this.#positionOf(change);
    const life = this.#life(change.life);
    if (life === undefined) return undefined;
    life.copies += isAdded ? 1 : -1;
    const field = this.#field(life, change.plane);
    if (field === undefined) return undefined;
    const engineKey = `engine:${decimalKey(change.hashLow, change.hashHigh)}`;
    return { isAdded, engineKey, requestKey: decimalKey(change.low, change.high), position, field };
  }

  /** Forgets lives that are over and have no copies left. */
  forget(): void {
    const listed = new Set(this.#rows.directory().holders.map(({ life }) => life));
    for (const [life, { copies }] of this.#lives) {
      if (copies <= 0 && !listed.has(life)) this.#lives.delete(life);
    }
  }

  /** The keys of one hash come one after the other; where several hashes stand for one key, each has only that. */
  #positionOf({ hashLow, hashHigh, life }: KvCopyChange): number {
    const isSame =
      hashLow === this.#lastHashLow && hashHigh === this.#lastHashHigh && life === this.#lastLife;
    this.#position = isSame ? this.#position + 1 : 0;
    this.#lastHashLow = hashLow;
    this.#lastHashHigh = hashHigh;
    this.#lastLife = life;
    return this.#position;
  }

  #life(number: number): Life | undefined {
    const known = this.#lives.get(number);
    if (known !== undefined) return known;
    for (const holder of this.#rows.directory().holders) {
      if (this.#lives.has(holder.life)) continue;
      this.#lives.set(holder.life, { holder, fields: new Map(), copies: 0 });
    }
    return this.#lives.get(number);
  }

  #field({ holder, fields }: Life, plane: number): string | undefined {
    if (fields.has(plane)) return fields.get(plane);
    const text = this.#fieldOf(holder, plane);
    fields.set(plane, text);
    return text;
  }

  #fieldOf({ life, source }: KvRowHolder, plane: number): string | undefined {
    const { holders, planes, tiers } = this.#rows.directory();
    const [tier = 0, group = 0] = planes[plane] ?? [];
    // Anew, because a holder may have got the group since it was first seen.
    const holder = holders.find((one) => one.life === life);
    const needs = holder?.groups.find(([number]) => number === group)?.[1].needs;
    if (needs !== 'all' || source.everywhere === true) return undefined;
    return podEntryText({
      ...{ pod: source.pod, tier: tiers[tier] ?? '', speculative: false },
      group: holder?.namesGroups === true ? group : null,
    });
  }
}
