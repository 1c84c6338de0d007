// SPDX-License-Identifier: Apache-2.0
import type { AttributeReader } from './attribute.ts';
import type { Endpoint } from './endpoint.ts';
import type { TokenUsage } from './plugin-contracts.ts';

/** A request that waits for the pool to have room, or did. */
export interface QueuedRequest {
  readonly id: string;
  /** Its band: higher ones are served first. */
  readonly priority: number;
  /** Tenant or program whose flow it belongs to. */
  readonly fairnessId: string;
  /** Model the client asked for. */
  readonly model: string;
  /** Model the engine will be asked for. */
  readonly targetModel: string;
  readonly bytes: number;
  /** Clock reading (ms) of its arrival at the gateway. */
  readonly receivedMs: number;
  /** Clock reading (ms) when it began to wait. */
  readonly enqueuedMs: number;
  /** Clock reading (ms) when its wait is over; Infinity for one that may wait for ever. */
  readonly expiresMs: number;
  /** Time to first token (ms) that the client asked for; undefined where it did not. */
  readonly ttftObjectiveMs: number | undefined;
  /** Counts up with every request that begins to wait: decides between those that are equal otherwise. */
  readonly sequence: number;
}

/** Which of two requests of one flow goes first. */
export interface OrderingPolicy {
  /** Below 0 when `a` goes before `b`. Must be a consistent order and constant while they wait. */
  compare(a: QueuedRequest, b: QueuedRequest): number;
}

/** The requests of one fairness id in one band; a live view. */
export interface WaitingFlow {
  readonly fairnessId: string;
  readonly requests: number;
  readonly bytes: number;
  /** The one that goes first by the band's ordering; undefined once nothing waits. */
  readonly head: QueuedRequest | undefined;
}

/** Follows the flows of one band and says which is served next. */
export interface FlowChooser {
  /** The first request of a flow waits. */
  added(flow: WaitingFlow): void;
  /** Another request than before is the head of a flow. */
  changed(flow: WaitingFlow): void;
  /** Nothing of a flow waits any more; should something again, it is a new flow. */
  removed(flow: WaitingFlow): void;
  /** Undefined only where no flow is left. Asking is not serving: {@link taken} says that the choice counts. */
  choose(nowMs: number): WaitingFlow | undefined;
  /** The head of the chosen flow is served. Followed by `changed` or `removed`. */
  taken?(flow: WaitingFlow): void;
}

/** Which flow of a band is served next. */
export interface FairnessPolicy {
  /** Called once for every band that comes up. */
  forBand(band: { readonly priority: number; readonly ordering: OrderingPolicy }): FlowChooser;
  /** A request was let through, whether it had to wait or not. */
  dispatched?(request: QueuedRequest, nowMs: number): void;
  /**
   * A request that was let through is over. Called once for every one of them; `usage` is undefined where the
   * engine did not say or the request never reached one.
   */
  ended?(request: QueuedRequest, usage: TokenUsage | undefined, nowMs: number): void;
}

/** How full the pool may be for each band. */
export interface UsageLimitPolicy {
  /**
   * Saturation at which each band closes, in step with `priorities`, which are those of all bands from high to
   * low, whether something waits in them or not. Asked once for every request that might be dispatched.
   */
  ceilings(priorities: readonly number[], saturation: number): readonly number[];
  /**
   * Time (ms) after which a closed band should be asked again though nothing has changed; undefined where
   * only a change can open it.
   */
  readonly recheckMs?: number;
}

/** Requests that were let through and have no endpoint yet. */
export interface UnplacedRequests {
  readonly requests: number;
  /** Sum of the sizes of their bodies. */
  readonly bytes: number;
}

/** How full a set of endpoints is. */
export interface SaturationDetector {
  /** 0 is idle, 1 is full; may be above 1. No endpoints at all are full. */
  saturation(endpoints: readonly Endpoint[], context: SaturationContext): number;
  /** How many of the endpoints say nothing recent enough to be believed. */
  staleEndpoints?(endpoints: readonly Endpoint[], nowMs: number): number;
  /** Whether it sees an answer end at once, rather than when metrics come that show it. Default false. */
  readonly isImmediate?: boolean;
}

/** What a detector knows besides the endpoints. */
export interface SaturationContext {
  readonly nowMs: number;
  readonly unplaced: UnplacedRequests;
  /** What data producers publish about the whole fleet. */
  readonly attributes: AttributeReader;
}

/** A request on an endpoint, as far as ending it before its time is concerned. */
export interface InFlightRequest {
  readonly id: string;
  readonly priority: number;
  readonly fairnessId: string;
  /** Clock reading (ms) of its placement. */
  readonly placedMs: number;
}

/** Which requests in flight may be ended for the sake of others. Asked once for each, when it is placed. */
export interface EvictionFilter {
  isEvictable(request: InFlightRequest): boolean;
}

/** Which of two requests in flight is ended first. */
export interface EvictionOrdering {
  /** Below 0 when `a` is ended before `b`. Must be a consistent order and constant while they are in flight. */
  compare(a: InFlightRequest, b: InFlightRequest): number;
}
