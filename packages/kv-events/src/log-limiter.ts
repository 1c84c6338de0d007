// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';

/** Lets a message through now and then, and counts those it kept back. */
export interface LogLimiter {
  /** Calls `write` with how many were kept back since the last one, unless one was written a short while ago. */
  write(write: (keptBack: number) => void): void;
}

/** At most one message in `everyMs`, the first one at once. */
export function createLogLimiter(clock: Clock, everyMs = 10_000): LogLimiter {
  let keptBack = 0;
  let nextMs = -Infinity;
  return {
    write: (write) => {
      const nowMs = clock.nowMs();
      if (nowMs < nextMs) {
        keptBack++;
        return;
      }
      nextMs = nowMs + everyMs;
      write(keptBack);
      keptBack = 0;
    },
  };
}
