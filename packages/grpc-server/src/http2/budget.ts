// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';

/** How often something may happen: `burst` at once, `perSecond` in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** A token bucket that looks at the clock only when it seems empty. */
export class Budget {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #left: number;
  #filledAtMs: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#left = rate.burst;
    this.#filledAtMs = clock.nowMs();
  }

  /** Takes one; false when there is none. */
  take(): boolean {
    if (this.#left < 1) this.#refill();
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    const earned = ((nowMs - this.#filledAtMs) / 1000) * this.#rate.perSecond;
    this.#left = Math.min(this.#rate.burst, this.#left + earned);
    this.#filledAtMs = nowMs;
  }
}
