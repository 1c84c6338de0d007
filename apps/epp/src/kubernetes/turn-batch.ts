// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';

/** Work that is done once however often it was asked for. */
export interface TurnBatch {
  /** Asks for it. */
  readonly mark: () => void;
  /** Forgets what was asked for, now and later. */
  readonly end: () => void;
}

/** Does `work` after the turn of the event loop in which it was asked for. */
export function turnBatch(clock: Clock, work: () => void): TurnBatch {
  let due: Timer | undefined;
  let ended = false;
  return {
    mark: () => {
      if (ended) return;
      due ??= clock.schedule(0, () => {
        due = undefined;
        work();
      });
    },
    end: () => {
      ended = true;
      due?.cancel();
    },
  };
}
