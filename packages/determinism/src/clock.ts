// SPDX-License-Identifier: Apache-2.0

/** A timer that has been set; cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as a dependency. Production passes {@link systemClock}, simulations and tests a virtual one. */
export interface Clock {
  /** Milliseconds since an arbitrary origin; fractional, never goes back. Use it for durations. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch; may jump when the wall clock is set. Use it for time stamps. */
  epochMs(): number;
  /**
   * Calls `callback` once, not before `delayMs` milliseconds from now and never synchronously.
   * A delay below zero counts as zero. Timers due at the same instant fire in the order they were set.
   */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** Why a wait ended early: its signal was aborted. `cause` is the signal's reason. */
export class AbortedError extends Error {
  readonly code = 'ABORTED';
  constructor(options?: ErrorOptions) {
    super('the wait was aborted', options);
    this.name = 'AbortedError';
  }
}

/**
 * Resolves after `delayMs` on `clock`; rejects with {@link AbortedError} as soon as `signal` aborts,
 * leaving no timer behind.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      timer.cancel();
      reject(new AbortedError({ cause: signal?.reason }));
    };
    const timer = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
