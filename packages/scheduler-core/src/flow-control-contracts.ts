// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from './endpoint.ts';

/** A request that waits for the pool to have room. */
export interface QueuedRequest {
  readonly id: string;
  /** Its band: higher ones are served first. */
  readonly priority: number;
  /** Tenant or program whose flow it belongs to. */
  readonly fairnessId: string;
  readonly bytes: number;
  /** Clock reading (ms) of its arrival at the gateway. */
  readonly receivedMs: number;
  /** Clock reading (ms) when it began to wait. */
  readonly enqueuedMs: number;
  /** Clock reading (ms) when its wait is over; Infinity for one that may wait for ever. */
  readonly expiresMs: number;
  /** Time to first token (ms) that the client asked for; undefined where it did not. */
  readonly ttftObjectiveMs: number | undefined;
}

/** Which of two requests of one flow goes first. */
export interface OrderingPolicy {
  /** Below 0 when `a` goes before `b`. Must be a consistent order and constant while they wait. */
  compare(a: QueuedRequest, b: QueuedRequest): number;
}

/** The requests of one fairness id in one band. Never empty. */
export interface WaitingFlow {
  readonly fairnessId: string;
  readonly requests: number;
  readonly bytes: number;
  /** The one that goes first by the band's ordering. */
  readonly head: QueuedRequest;
}

/** Which flow of a band is served next. */
export interface FairnessPolicy {
  /**
   * One of the `flows` of the band `priority`, which are never empty and stand in the order in which they
   * came up. Asking is not serving: only {@link dispatched} says that the choice was taken.
   */
  pick(
    flows: readonly [WaitingFlow, ...WaitingFlow[]],
    context: {
      readonly priority: number;
      readonly ordering: OrderingPolicy;
      readonly nowMs: number;
    },
  ): WaitingFlow;
  /** A request of the flow was given to the scheduler. */
  dispatched?(request: QueuedRequest, nowMs: number): void;
  /** The answer of a request is complete. */
  served?(
    fairnessId: string,
    usage: { readonly promptTokens: number; readonly completionTokens: number },
    nowMs: number,
  ): void;
}

/** How full the pool may be for each band. */
export interface UsageLimitPolicy {
  /**
   * Saturation at which each band closes, in step with `priorities`, which go from high to low.
   * Asked once for every request that might be dispatched.
   */
  ceilings(priorities: readonly number[], saturation: number): readonly number[];
  /**
   * Time (ms) after which a closed band should be asked again though nothing has changed; undefined where
   * only a change can open it.
   */
  readonly recheckMs?: number;
}

/** How full the pool is. */
export interface SaturationDetector {
  /**
   * 0 is idle, 1 is full; may be above 1. `unplaced` requests were let through and have no endpoint yet.
   * A pool without endpoints is full.
   */
  saturation(
    endpoints: readonly Endpoint[],
    context: { readonly nowMs: number; readonly unplaced: number },
  ): number;
}
