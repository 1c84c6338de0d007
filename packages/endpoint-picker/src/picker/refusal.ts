// SPDX-License-Identifier: Apache-2.0

/** Values of the header `x-llm-d-request-dropped-reason`. */
export type DropReason =
  | 'rejected-saturated'
  | 'rejected-no-endpoints'
  | 'rejected-ttl-expired'
  | 'rejected-context-cancelled'
  | 'rejected-shutting-down';

/** Why a request was not placed, ready to be told to the client. */
export interface Refusal {
  readonly kind: 'refused';
  readonly status: 429 | 503;
  readonly reason: DropReason;
  readonly message: string;
  /** Seconds after which asking again makes sense. */
  readonly retryAfterSeconds: number;
}

/** There is no server to choose from. */
export const noEndpoints = (message: string): Refusal => ({
  kind: 'refused',
  status: 503,
  reason: 'rejected-no-endpoints',
  message,
  retryAfterSeconds: 1,
});

/** There are servers, and the filters of the configuration let none of them through. */
export const saturated = (message: string): Refusal => ({
  kind: 'refused',
  status: 429,
  reason: 'rejected-saturated',
  message,
  retryAfterSeconds: 1,
});

/** The client was gone before its request was placed. */
export const cancelled: Refusal = {
  kind: 'refused',
  status: 503,
  reason: 'rejected-context-cancelled',
  message: 'the client went away before its request was placed',
  retryAfterSeconds: 1,
};
