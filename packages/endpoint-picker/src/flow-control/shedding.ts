// SPDX-License-Identifier: Apache-2.0
import type { SchedulingRequest } from '@llm-d/scheduler-core';
import { saturated, type Refusal } from '../picker/refusal.ts';
import type { FleetView } from './fleet-view.ts';

const SHED = saturated('system saturated, sheddable request dropped');

/**
 * What stands in for flow control while its gate is closed: requests of negative priority are refused when the pool is
 * full. An empty pool is left to be told of as such.
 */
export function createShedding(
  pool: Pick<FleetView, 'saturation' | 'hasEndpoints'>,
): (request: SchedulingRequest) => Refusal | undefined {
  return ({ priority }) =>
    priority < 0 && pool.hasEndpoints() && pool.saturation().effective >= 1 ? SHED : undefined;
}
