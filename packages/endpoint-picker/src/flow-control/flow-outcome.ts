// SPDX-License-Identifier: Apache-2.0
import { shuttingDown, type DropReason, type Refusal } from '../picker/refusal.ts';
import type { Passage } from './passage.ts';

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

/** A request that must not be placed. */
export interface Dismissal {
  readonly kind: 'refused';
  readonly outcome: FlowOutcome;
  readonly refusal: Refusal;
  /** Band that it counted for. */
  readonly priority: number;
  readonly waitedMs: number;
}

/** What came of a request's wait. */
export type Admission = { readonly kind: 'admitted'; readonly passage: Passage } | Dismissal;

/** Why a request is dismissed. */
export type Grounds = Pick<Dismissal, 'outcome' | 'refusal'>;

const grounds = (
  outcome: FlowOutcome,
  { status, reason, message }: Pick<Refusal, 'status' | 'message'> & { reason: DropReason },
): Grounds => ({
  outcome,
  refusal: { kind: 'refused', status, reason, message, retryAfterSeconds: 1 },
});

/** The queue is full, or there is no server that it could be for. */
export const rejectedAtTheDoor = (hasEndpoints: boolean): Grounds =>
  hasEndpoints
    ? grounds('RejectedCapacity', {
        status: 429,
        reason: 'rejected-saturated',
        message: 'the queue for this priority is full',
      })
    : grounds('RejectedNoEndpoints', {
        status: 503,
        reason: 'rejected-no-endpoints',
        message: 'the queue is full and there is no model server',
      });

/** The time to wait is over. */
export const expired = (hasEndpoints: boolean): Grounds =>
  hasEndpoints
    ? grounds('EvictedTTL', {
        status: 429,
        reason: 'rejected-ttl-expired',
        message: 'the request waited as long as it may',
      })
    : grounds('EvictedNoEndpoints', {
        status: 503,
        reason: 'rejected-no-endpoints',
        message: 'no model server came up while the request waited',
      });

/** The client left while its request waited. */
export const abandoned: Grounds = grounds('EvictedContextCancelled', {
  status: 503,
  reason: 'rejected-context-cancelled',
  message: 'the client went away while its request waited',
});

/** The process ends; `waited` says whether the request was in the queue already. */
export const closing = (waited: boolean): Grounds => ({
  outcome: waited ? 'EvictedOther' : 'RejectedOther',
  refusal: shuttingDown,
});
