// SPDX-License-Identifier: Apache-2.0
import type { Endpoint, LatencyPrediction } from '@llm-d/scheduler-core';
import type { LatencyObjectives } from './latency-objectives.ts';
import type { PredictedLatencyParameters } from './predicted-latency-parameters.ts';
import type { PredictedTimes } from './predictor-wire.ts';
import { roleOf } from './request-features.ts';
import type { RunningRequests } from './running-requests.ts';

/** Role of endpoints that generate no tokens beyond the first. */
const PREFILL_ROLE = 'prefill';

export interface HeadroomContext {
  readonly settings: Pick<
    PredictedLatencyParameters,
    'sloBufferFactor' | 'streamingMode' | 'endpointRoleLabel'
  >;
  readonly objectives: LatencyObjectives;
  readonly running: RunningRequests;
  readonly nowMs: number;
}

/**
 * What predicted times leave of a request's objectives on an endpoint. Further tokens must be quick enough for the
 * request and for whatever runs there already; they count only where answers are watched token by token, and not on
 * endpoints that only prefill.
 */
export function headroomOf(
  endpoint: Endpoint,
  { ttftMs, tpotMs }: PredictedTimes,
  { settings, objectives, running, nowMs }: HeadroomContext,
): LatencyPrediction {
  const countsTpot =
    settings.streamingMode && roleOf(endpoint, settings.endpointRoleLabel) !== PREFILL_ROLE;
  const tightestMs = running.tightestTpotMs(endpoint, nowMs);
  const objectiveMs = tightestMs > 0 ? Math.min(objectives.tpotMs, tightestMs) : objectives.tpotMs;
  return {
    ttftMs,
    tpotMs,
    ttftHeadroomMs: objectives.ttftMs - ttftMs,
    tpotHeadroomMs: countsTpot ? objectiveMs * settings.sloBufferFactor - tpotMs : 0,
    dispatchedRequests: running.count(endpoint, nowMs),
  };
}
