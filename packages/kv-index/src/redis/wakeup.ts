// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';

/** Lets one loop sleep until there is something to do. A call while nobody sleeps counts for the next sleep. */
export class Wakeup {
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #dueMs = Infinity;
  #isDue = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Wakes it now. */
  now(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Infinity;
    this.#isDue = true;
    this.#wake?.();
  }

  /** Wakes it not later than in so many milliseconds. */
  after(delayMs: number): void {
    const dueMs = this.#clock.nowMs() + Math.max(0, delayMs);
    if (this.#isDue || dueMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.now();
    });
  }

  async wait(): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    this.#isDue = false;
  }
}
