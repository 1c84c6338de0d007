// SPDX-License-Identifier: Apache-2.0
import type { Random } from '@llm-d/determinism';

export interface BackoffOptions {
  /** The first wait. Default 100. */
  readonly initialMs?: number;
  /** The longest wait. Default 30,000. */
  readonly maxMs?: number;
}

/** Waits that double from one to the next, up to a bound that they never give up at. */
export interface Backoff {
  /** The next wait: between half of it and all of it, so that many clients do not come back together. */
  nextMs(): number;
  /** Begins again with the first wait. */
  reset(): void;
}

export function createBackoff(random: Random, options: BackoffOptions = {}): Backoff {
  const { initialMs = 100, maxMs = 30_000 } = options;
  let ceilingMs = initialMs;
  return {
    nextMs: () => {
      const waitMs = ceilingMs * (0.5 + 0.5 * random.next());
      ceilingMs = Math.min(maxMs, 2 * ceilingMs);
      return waitMs;
    },
    reset: () => {
      ceilingMs = initialMs;
    },
  };
}
