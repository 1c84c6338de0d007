// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  parseGoDuration,
  type DataProducer,
  type FlowControlPolicies,
  type Named,
  type ResolvedPriorityBand,
  type SaturationDetector,
  type SchedulingRequest,
} from '@llm-d/scheduler-core';
import type { Metrics } from '@llm-d/telemetry';
import type { Fleet } from '../fleet/fleet.ts';
import { controlHeader } from '../request/control-headers.ts';
import { createFleetView } from './fleet-view.ts';
import {
  createFlowController,
  type FlowController,
  type FlowRequest,
  type UnplacedCount,
} from './flow-controller.ts';
import { createFlowMetrics } from './flow-metrics.ts';
import type { Admission } from './flow-outcome.ts';
import type { FlowSnapshot } from './flow-snapshot.ts';
import type { Passage } from './passage.ts';
import type { BandSettings } from './priority-band.ts';
import { Reclamation } from './reclamation.ts';

export interface FlowControlOptions {
  readonly policies: FlowControlPolicies;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly detector: Named<SaturationDetector> | undefined;
  /** Producers of the configuration; some know what is in flight. */
  readonly producers: readonly Named<DataProducer>[];
  readonly metrics: Metrics;
  readonly poolName: string;
  /** Time (ms) from one scrape of an endpoint to its next. */
  readonly scrapeIntervalMs: number;
  /** Whether requests of a priority without a band of its own have one made; else they count as priority 0. */
  readonly isKnownPriority: (priority: number) => boolean;
  /** Counted together with other controllers of the fleet. Default on its own. */
  readonly unplaced?: UnplacedCount | undefined;
}

/** When a request arrived, and whether its client is still there. */
export interface Arrival {
  /** Clock reading (ms). */
  readonly arrivedMs: number;
  readonly signal: AbortSignal;
}

/** Lets requests through to a pool when it has room for them. */
export interface FlowControl {
  /** Waits until the request may be placed, or must not; no promise where that is known at once. Never rejects. */
  admit(request: SchedulingRequest, arrival: Arrival): Admission | Promise<Admission>;
  /** Lets a request through that was admitted before and is placed once more. */
  readmit(request: SchedulingRequest, arrival: Arrival): Passage;
  /** Something that the fleet does not tell of may have made room. */
  changed(): void;
  /** What waits. A live view: to be read in the turn in which it was asked for. */
  snapshot(): FlowSnapshot;
  /** Shows the metrics of the moment and forgets flows and bands that are long over. To be called now and then. */
  refresh(): void;
  /** Refuses everything that waits and all that comes. Leaves no timer behind. */
  close(): void;
}

/** Age at which metrics count as old in what is shown of the pool; llm-d's `--metrics-staleness-threshold`. */
const STALE_MS = 2000;
/** Time that an engine is given to abort a request and to free its blocks. */
const ABORT_MS = 250;
/** Grace of a detector that sees the end of an exchange at once. */
const IMMEDIATE_GRACE_MS = 10;

/** Flow control over a fleet as its configuration says. */
export function createFlowControl(options: FlowControlOptions): FlowControl {
  const { policies, fleet, clock, detector, isKnownPriority } = options;
  const { settings } = policies;
  const pool = createFleetView({ ...options, detector: detector?.plugin });
  const metrics = createFlowMetrics({
    ...options,
    fleet: pool,
    detectorName: detector?.name,
    maxRequests: settings.maxRequests,
    maxBytes: settings.maxBytes,
  });
  const reclamation =
    policies.eviction &&
    new Reclamation({
      clock,
      ...policies.eviction,
      graceMs:
        detector?.plugin.isImmediate === true
          ? IMMEDIATE_GRACE_MS
          : options.scrapeIntervalMs + STALE_MS + ABORT_MS,
      observer: metrics.reclamation,
      onReady: () => {
        controller.changed();
      },
    });
  const bands = bandsOf(policies);
  const controller: FlowController = createFlowController({
    clock,
    pool,
    usageLimit: policies.usageLimit,
    bandOf: bands.settingsOf,
    priorities: bands.configured,
    maxRequests: settings.maxRequests,
    maxBytes: settings.maxBytes,
    noEndpointTtlMs: settings.noEndpointRequestTtlMs,
    reclamation,
    observer: metrics.flow,
    unplaced: options.unplaced,
  });
  const unwatch = fleet.watch(() => {
    controller.changed();
  });
  const flowRequest = (request: SchedulingRequest, { arrivedMs }: Arrival): FlowRequest => {
    const { priority } = request;
    const hasBand = bands.configured.includes(priority) || isKnownPriority(priority);
    return {
      id: request.id,
      priority: hasBand ? priority : 0,
      fairnessId: request.fairnessId,
      model: request.model,
      targetModel: request.targetModel,
      bytes: request.bodyBytes,
      receivedMs: arrivedMs,
      ttftObjectiveMs: ttftObjectiveMs(request),
      ttlMs: askedTtlMs(request),
    };
  };
  metrics.refresh();
  return {
    admit: (request, arrival) => controller.admit(flowRequest(request, arrival), arrival.signal),
    readmit: (request, arrival) => controller.readmit(flowRequest(request, arrival)),
    changed: () => {
      controller.changed();
    },
    snapshot: () => controller.snapshot(),
    refresh: () => {
      controller.collect();
      metrics.refresh();
    },
    close: () => {
      unwatch();
      controller.close();
      metrics.close();
    },
  };
}

function bandsOf(policies: FlowControlPolicies) {
  const { settings } = policies;
  const configured = new Map(settings.priorityBands.map((band) => [band.priority, band]));
  const templateOf = (priority: number): ResolvedPriorityBand =>
    priority < 0 ? settings.defaultNegativePriorityBand : settings.defaultPriorityBand;
  return {
    /** Priority 0 is where requests go whose priority nobody knows. */
    configured: [...new Set([...configured.keys(), 0])],
    settingsOf: (priority: number): BandSettings => {
      const band = configured.get(priority) ?? templateOf(priority);
      return {
        maxRequests: band.maxRequests,
        maxBytes: band.maxBytes,
        ttlMs: band.requestTtlMs,
        ...policies.policiesOf(band),
        isPermanent: configured.has(priority) || priority === 0,
      };
    },
  };
}

const WHOLE = /^\s*\d+\s*$/;

function ttftObjectiveMs({ headers }: SchedulingRequest): number | undefined {
  const value = controlHeader(headers, 'slo-ttft-ms');
  return value !== undefined && WHOLE.test(value) ? Number(value) : undefined;
}

/** The longest wait that a client asked for; undefined where it did not, or not in a way that is understood. */
function askedTtlMs({ headers }: SchedulingRequest): number | undefined {
  const value = headers.get('x-llm-d-inference-ttl');
  const ttlMs = value === undefined ? undefined : parseGoDuration(value);
  return ttlMs !== undefined && ttlMs > 0 ? ttlMs : undefined;
}
