// SPDX-License-Identifier: Apache-2.0
import type { Clock } from './clock.ts';

/** The machine's clocks and Node's timers. A pending timer keeps the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),
  schedule: (delayMs, callback) => {
    const handle = setTimeout(callback, Math.max(0, delayMs));
    return {
      cancel: () => {
        clearTimeout(handle);
      },
    };
  },
};
