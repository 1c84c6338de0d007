// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';

/** The time in which a process that is about to end still serves. */
export interface DrainWindow {
  /** Resolves after `ms`, or earlier when nobody is there any more or {@link end} is called. */
  wait(ms: number, nobodyIsThere: () => boolean): Promise<void>;
  end(): void;
}

/** How often somebody is looked for. */
const LOOK_MS = 100;

/** A window on `clock`, for one wait. */
export function drainWindow(clock: Clock): DrainWindow {
  const ended = new AbortController();
  return {
    wait: async (ms, nobodyIsThere) => {
      const untilMs = clock.nowMs() + ms;
      while (clock.nowMs() < untilMs && !ended.signal.aborted && !nobodyIsThere()) {
        const left = untilMs - clock.nowMs();
        await sleep(clock, Math.min(LOOK_MS, left), ended.signal).catch(() => undefined);
      }
    },
    end: () => {
      ended.abort();
    },
  };
}
