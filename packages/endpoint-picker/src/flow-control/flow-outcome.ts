// SPDX-License-Identifier: Apache-2.0
import type { DropReason, Refusal } from '../picker/refusal.ts';

/** How a wait ended: the values of the metrics' `outcome` label. */
export type FlowOutcome =
  | 'Dispatched'
  | 'RejectedCapacity'
  | 'RejectedNoEndpoints'
  | 'RejectedOther'
  | 'EvictedTTL'
  | 'EvictedNoEndpoints'
  | 'EvictedContextCancelled'
  | 'EvictedOther';

/** What came of a request's wait. */
export type Admission =
  | { readonly kind: 'admitted'; readonly waitedMs: number }
  | { readonly kind: 'refused'; readonly outcome: FlowOutcome; readonly refusal: Refusal };

const refusal = (status: Refusal['status'], reason: DropReason, message: string): Refusal => ({
  kind: 'refused',
  status,
  reason,
  message,
  retryAfterSeconds: 1,
});

const refused = (outcome: FlowOutcome, told: Refusal): Admission => ({
  kind: 'refused',
  outcome,
  refusal: told,
});

/** The queue is full, or there is no server that it could be for. */
export const rejectedAtTheDoor = (hasEndpoints: boolean): Admission =>
  hasEndpoints
    ? refused(
        'RejectedCapacity',
        refusal(429, 'rejected-saturated', 'the queue for this priority is full'),
      )
    : refused(
        'RejectedNoEndpoints',
        refusal(503, 'rejected-no-endpoints', 'the queue is full and there is no model server'),
      );

/** The time to wait is over. */
export const expired = (hasEndpoints: boolean): Admission =>
  hasEndpoints
    ? refused(
        'EvictedTTL',
        refusal(429, 'rejected-ttl-expired', 'the request waited as long as it may'),
      )
    : refused(
        'EvictedNoEndpoints',
        refusal(503, 'rejected-no-endpoints', 'no model server came up while the request waited'),
      );

/** The client left while its request waited. */
export const abandoned: Admission = refused(
  'EvictedContextCancelled',
  refusal(503, 'rejected-context-cancelled', 'the client went away while its request waited'),
);

/** The process ends; `waited` says whether the request was in the queue already. */
export const shuttingDown = (waited: boolean): Admission =>
  refused(
    waited ? 'EvictedOther' : 'RejectedOther',
    refusal(503, 'rejected-shutting-down', 'the endpoint picker is shutting down'),
  );
