// SPDX-License-Identifier: Apache-2.0
import type { Gauge } from '@llm-d/telemetry';

/** Bytes that may wait at once, in one queue or in several. */
export class ByteBudget {
  readonly #limit: number;
  readonly #gauge: Gauge;
  #used = 0;

  constructor(limit: number, gauge: Gauge) {
    this.#limit = limit;
    this.#gauge = gauge;
  }

  /** Takes the bytes, or says that there is no room. Whatever the size, one thing alone always has room. */
  take(bytes: number): boolean {
    if (this.#used > 0 && this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    this.#gauge.add(bytes);
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
    this.#gauge.add(-bytes);
  }
}
