// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '../../../endpoint.ts';

interface Use {
  /** Number of the ranking that last saw this endpoint among its candidates. */
  ranking: number;
  /** Its place in that ranking, least recently used first. */
  place: number;
}

/** Remembers in which order endpoints last took a cold request, for at most `size` of them. */
export class ColdUseOrder {
  readonly #size: number;
  /** By endpoint id, least recently used first. */
  readonly #uses = new Map<string, Use>();
  #ranking = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Makes the endpoint the most recently used one; forgets the least recently used beyond the bound. */
  touch(endpointId: string): void {
    const use = this.#uses.get(endpointId) ?? { ranking: 0, place: 0 };
    this.#uses.delete(endpointId);
    this.#uses.set(endpointId, use);
    if (this.#uses.size <= this.#size) return;
    for (const oldest of this.#uses.keys()) {
      this.#uses.delete(oldest);
      return;
    }
  }

  forget(endpointId: string): void {
    this.#uses.delete(endpointId);
  }

  /**
   * Evenly spaced scores from 1 to 0: endpoints never used in their order, then the others by how long
   * ago they were used. A single candidate scores 1.
   */
  score(candidates: readonly Endpoint[]): Float64Array {
    const scores = new Float64Array(candidates.length);
    if (candidates.length === 1) return scores.fill(1);
    const neverUsed = this.#place(candidates);
    const last = candidates.length - 1;
    let fresh = 0;
    for (let i = 0; i < candidates.length; i++) {
      const use = this.#uses.get((candidates[i] as Endpoint).id);
      const rank = use === undefined ? fresh++ : neverUsed + use.place;
      scores[i] = 1 - rank / last;
    }
    return scores;
  }

  /** Numbers the used candidates by age and returns how many were never used. */
  #place(candidates: readonly Endpoint[]): number {
    const ranking = ++this.#ranking;
    let used = 0;
    for (const { id } of candidates) {
      const use = this.#uses.get(id);
      if (use === undefined) continue;
      use.ranking = ranking;
      used++;
    }
    let place = 0;
    for (const use of this.#uses.values()) if (use.ranking === ranking) use.place = place++;
    return candidates.length - used;
  }
}
