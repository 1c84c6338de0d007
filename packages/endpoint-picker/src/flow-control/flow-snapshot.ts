// SPDX-License-Identifier: Apache-2.0
import type { StageSaturation, WaitingFlow } from '@llm-d/scheduler-core';

/** What waits in one band. */
export interface BandSnapshot {
  readonly priority: number;
  readonly requests: number;
  readonly bytes: number;
  readonly settings: { readonly maxRequests: number; readonly maxBytes: number };
  /** In the order in which they came up. */
  flows(): Iterable<WaitingFlow>;
}

/** What waits, the highest priority first. A live view: to be read in the turn in which it was asked for. */
export interface FlowSnapshot {
  readonly bands: readonly BandSnapshot[];
  readonly requests: number;
  readonly bytes: number;
  /** Requests that were let through and have no endpoint yet. */
  readonly unplaced: number;
  readonly saturation: StageSaturation;
  /** Undefined where no request in flight is ever ended. */
  readonly eviction:
    | {
        readonly inFlight: number;
        readonly evictable: number;
        /** Told to end and not over. */
        readonly outstanding: number;
      }
    | undefined;
  /** Clock reading (ms). */
  readonly nowMs: number;
}

/** One flow, as plain data. */
export interface FlowDescription {
  readonly fairnessId: string;
  readonly requests: number;
  readonly bytes: number;
  /** How long the request has waited that goes next. */
  readonly headWaitMs: number;
}

/** One band, as plain data. */
export interface BandDescription {
  readonly priority: number;
  readonly requests: number;
  readonly bytes: number;
  /** null = unbounded. */
  readonly maxRequests: number | null;
  readonly maxBytes: number | null;
  /** Those with the most requests, at most {@link MAX_FLOWS}. */
  readonly flows: readonly FlowDescription[];
  /** Flows that are left out. */
  readonly moreFlows: number;
}

/** What flow control is doing, as plain data. */
export interface FlowControlDescription {
  readonly requests: number;
  readonly bytes: number;
  readonly unplaced: number;
  /** 0 idle, 1 full; null where no endpoint is for the stage. */
  readonly saturation: {
    readonly prefill: number | null;
    readonly decode: number | null;
    readonly effective: number;
  };
  readonly bands: readonly BandDescription[];
  readonly eviction: FlowSnapshot['eviction'] | null;
}

/** Flows of a band that a description shows. */
export const MAX_FLOWS = 100;

/** Describes a snapshot for people: an admin page, a support bundle. Never holds prompt text. */
export function describeFlowControl(snapshot: FlowSnapshot): FlowControlDescription {
  const { requests, bytes, unplaced, saturation, bands, eviction = null, nowMs } = snapshot;
  const { prefill = null, decode = null, effective } = saturation;
  return {
    requests,
    bytes,
    unplaced,
    saturation: { prefill, decode, effective },
    bands: bands.map((band) => describeBand(band, nowMs)),
    eviction,
  };
}

function describeBand(band: BandSnapshot, nowMs: number): BandDescription {
  const flows = Array.from(band.flows(), (flow) => describeFlow(flow, nowMs));
  flows.sort((a, b) => b.requests - a.requests);
  return {
    priority: band.priority,
    requests: band.requests,
    bytes: band.bytes,
    maxRequests: band.settings.maxRequests || null,
    maxBytes: band.settings.maxBytes || null,
    flows: flows.slice(0, MAX_FLOWS),
    moreFlows: Math.max(0, flows.length - MAX_FLOWS),
  };
}

const describeFlow = (
  { fairnessId, requests, bytes, head }: WaitingFlow,
  nowMs: number,
): FlowDescription => ({
  fairnessId,
  requests,
  bytes,
  headWaitMs: head === undefined ? 0 : nowMs - head.enqueuedMs,
});
