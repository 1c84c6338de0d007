// SPDX-License-Identifier: Apache-2.0
import { UNKNOWN_TIER_WEIGHT, type TierWeights } from '../cache-tier.ts';

/** A tier as lookups see it. */
export interface Tier {
  readonly name: string;
  readonly weight: number;
}

/** Where a copy of a block can be: a tier, for one KV-cache group. */
export interface Plane {
  readonly id: number;
  /** Number of the tier in {@link Planes.tiers}. */
  readonly tier: number;
  readonly group: number;
}

/** Gives small numbers to the tiers and groups that occur. */
export class Planes {
  readonly tiers: Tier[] = [];
  readonly all: Plane[] = [];
  /** The tier with the largest weight; the first of equals. */
  best = 0;
  readonly #weights: TierWeights;
  readonly #tierNumbers = new Map<string, number>();

  constructor(weights: TierWeights) {
    this.#weights = weights;
  }

  tier(name: string): number {
    const known = this.#tierNumbers.get(name);
    if (known !== undefined) return known;
    const tier = { name, weight: this.#weights[name] ?? UNKNOWN_TIER_WEIGHT };
    const number = this.tiers.push(tier) - 1;
    this.#tierNumbers.set(name, number);
    if (tier.weight > this.weight(this.best)) this.best = number;
    return number;
  }

  weight(tier: number): number {
    return this.tiers[tier]?.weight ?? 0;
  }

  plane(tier: number, group: number): Plane {
    for (const plane of this.all) {
      if (plane.tier === tier && plane.group === group) return plane;
    }
    const plane = { id: this.all.length, tier, group };
    this.all.push(plane);
    return plane;
  }
}
