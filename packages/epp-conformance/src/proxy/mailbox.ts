// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';

/** Things that arrive, for one who takes them one after the other and never waits without a limit. */
export class Mailbox<Item> {
  readonly #clock: Clock;
  readonly #items: Item[] = [];
  #waiting: ((item: Item) => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(item: Item): void {
    if (this.#waiting === undefined) this.#items.push(item);
    else this.#waiting(item);
  }

  /** The next thing; undefined when nothing came for `waitMs`. One call at a time. */
  take(waitMs: number): Promise<Item | undefined> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => {
      const settle = (arrived: Item | undefined) => {
        this.#waiting = undefined;
        timer.cancel();
        resolve(arrived);
      };
      const timer = this.#clock.schedule(waitMs, () => {
        settle(undefined);
      });
      this.#waiting = settle;
    });
  }
}
