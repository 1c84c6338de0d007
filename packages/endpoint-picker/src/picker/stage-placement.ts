// SPDX-License-Identifier: Apache-2.0
import type { SchedulingResult } from '@llm-d/scheduler-core';
import type { Fleet, Placement } from '../fleet/fleet.ts';

/** Reserves the destination and what every further stage picked, so that the next decision sees all of them. */
export function placeStages(fleet: Fleet, result: SchedulingResult): Placement {
  const { endpoints, outcomes, primary } = result;
  const destination = fleet.place(endpoints[0]);
  if (outcomes.size === 1) return destination;
  const others = [...outcomes.values()]
    .filter(({ profile }) => profile !== primary)
    .flatMap(({ picked }) => picked.map((endpoint) => fleet.place(endpoint)));
  return {
    endpoint: destination.endpoint,
    release: () => {
      for (const placement of [destination, ...others]) placement.release();
    },
  };
}
