// SPDX-License-Identifier: Apache-2.0
import type { TokenUsage } from '@llm-d/scheduler-core';

/** The leave that a request has to be placed, and its books until it is over. Whoever holds it must end it. */
export interface Passage {
  /** Band that the request counts for. */
  readonly priority: number;
  readonly waitedMs: number;
  /**
   * The request has its endpoint. `evict` ends its exchange before its time, should others need the room; it is called
   * at most once.
   */
  placed(evict: () => void): void;
  /** The request is over or was not placed. More calls do nothing. */
  ended(usage: TokenUsage | undefined): void;
}
