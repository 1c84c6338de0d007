// SPDX-License-Identifier: Apache-2.0
import type { Named, RequestHeaders, SchedulingRequest } from '@llm-d/scheduler-core';

/** What a request counts for that does not say. */
const DEFAULT_FAIRNESS_ID = 'default-flow';

/**
 * Gives requests that do not say what they count for in fairness the id that the first plugin finds in their headers.
 */
export function createFairnessIdentity(
  plugins: readonly Named<RequestHeaders>[],
): (request: SchedulingRequest) => SchedulingRequest {
  return (request) => {
    if (request.fairnessId !== DEFAULT_FAIRNESS_ID) return request;
    for (const { plugin } of plugins) {
      const fairnessId = plugin.fairnessIdOf(request.headers);
      if (fairnessId !== undefined && fairnessId !== '') return { ...request, fairnessId };
    }
    return request;
  };
}
