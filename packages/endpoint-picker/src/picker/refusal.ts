// SPDX-License-Identifier: Apache-2.0

/** Values of the header `x-llm-d-request-dropped-reason`. */
export type DropReason =
  | 'rejected-saturated'
  | 'rejected-no-endpoints'
  | 'rejected-ttl-expired'
  | 'rejected-context-cancelled'
  | 'rejected-shutting-down'
  | 'rejected-not-cached'
  | 'evicted';

/** Why a request was not placed, ready to be told to the client. */
export interface Refusal {
  readonly kind: 'refused';
  /** 412: a condition that the client set does not hold. */
  readonly status: 412 | 429 | 503;
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

/** The platform is about to end. */
export const shuttingDown: Refusal = {
  kind: 'refused',
  status: 503,
  reason: 'rejected-shutting-down',
  message: 'the endpoint picker is shutting down',
  retryAfterSeconds: 1,
};

/** A request in flight was ended for the sake of higher priorities, before its client had seen anything. */
export const evicted: Refusal = {
  kind: 'refused',
  status: 429,
  reason: 'evicted',
  message: 'request evicted by flow control',
  retryAfterSeconds: 1,
};

/** The client was gone before its request was placed. */
export const cancelled: Refusal = {
  kind: 'refused',
  status: 503,
  reason: 'rejected-context-cancelled',
  message: 'the client went away before its request was placed',
  retryAfterSeconds: 1,
};
