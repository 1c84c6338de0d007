// SPDX-License-Identifier: Apache-2.0

/** What is known of a server's health from the requests it was sent. */
export type BreakerState =
  /** Requests go there. */
  | { readonly kind: 'closed'; readonly failures: number }
  /** No request goes there until then. */
  | { readonly kind: 'open'; readonly untilMs: number }
  /** One request is there to find out. */
  | { readonly kind: 'half-open' };

export interface BreakerSettings {
  /** Failures in a row that open it; 0 never does. */
  readonly failures: number;
  /** How long it stays open before one request may find out. */
  readonly openMs: number;
}

/** How a request ended for the server; `unknown` where it was not the server that ended it. */
export type BreakerResult = 'well' | 'failed' | 'unknown';

export const closedBreaker: BreakerState = { kind: 'closed', failures: 0 };

/** Whether a request may go there now, and the state when it does. */
export function admit(
  state: BreakerState,
  nowMs: number,
): { readonly admitted: boolean; readonly state: BreakerState } {
  switch (state.kind) {
    case 'closed':
      return { admitted: true, state };
    case 'open':
      return nowMs < state.untilMs
        ? { admitted: false, state }
        : { admitted: true, state: { kind: 'half-open' } };
    case 'half-open':
      return { admitted: false, state };
  }
}

/** The state after a request that was admitted has ended. */
export function settle(
  state: BreakerState,
  result: BreakerResult,
  { nowMs, settings }: { readonly nowMs: number; readonly settings: BreakerSettings },
): BreakerState {
  const opened: BreakerState = { kind: 'open', untilMs: nowMs + settings.openMs };
  switch (state.kind) {
    case 'closed': {
      if (result === 'unknown') return state;
      if (result === 'well') return closedBreaker;
      const failures = state.failures + 1;
      return settings.failures > 0 && failures >= settings.failures
        ? opened
        : { kind: 'closed', failures };
    }
    case 'half-open':
      if (result === 'well') return closedBreaker;
      // The next request finds out instead.
      return result === 'failed' ? opened : { kind: 'open', untilMs: nowMs };
    case 'open':
      // It was admitted before; what opened it is newer.
      return state;
  }
}
