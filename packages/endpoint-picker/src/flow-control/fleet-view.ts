// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  Attributes,
  stageSaturation,
  type DataProducer,
  type Named,
  type SaturationDetector,
  type StageSaturation,
  type UnplacedRequests,
} from '@llm-d/scheduler-core';
import type { Fleet } from '../fleet/fleet.ts';

export interface FleetViewOptions {
  readonly fleet: Fleet;
  readonly clock: Clock;
  /** Without one a pool is full when it is empty, and idle otherwise. */
  readonly detector: SaturationDetector | undefined;
  readonly producers: readonly Named<DataProducer>[];
}

/** How full a fleet is at the moment. */
export interface FleetView {
  /** By the endpoints that may take requests. `unplaced` default none. */
  saturation(unplaced?: UnplacedRequests): StageSaturation;
  hasEndpoints(): boolean;
  /** Endpoints that may take requests and say nothing recent enough; undefined where the detector does not care. */
  staleEndpoints(): number | undefined;
}

const NOTHING: UnplacedRequests = { requests: 0, bytes: 0 };
const NO_DETECTOR: SaturationDetector = { saturation: ({ length }) => (length === 0 ? 1 : 0) };

/** Looks at a fleet through a saturation detector, anew for every call. */
export function createFleetView(options: FleetViewOptions): FleetView {
  const { fleet, clock, detector = NO_DETECTOR, producers } = options;
  const attributes = new Attributes();
  for (const { plugin } of producers) plugin.publish?.(attributes);
  return {
    saturation: (unplaced = NOTHING) => {
      const nowMs = clock.nowMs();
      return stageSaturation(detector, fleet.routable(nowMs), { nowMs, unplaced, attributes });
    },
    hasEndpoints: () => fleet.snapshot().length > 0,
    staleEndpoints: () => {
      const nowMs = clock.nowMs();
      return detector.staleEndpoints?.(fleet.routable(nowMs), nowMs);
    },
  };
}
