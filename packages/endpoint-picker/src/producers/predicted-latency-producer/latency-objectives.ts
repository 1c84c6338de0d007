// SPDX-License-Identifier: Apache-2.0
import type { SchedulingRequest } from '@llm-d/scheduler-core';

/** What a client asks for, in milliseconds; 0 = nothing. */
export interface LatencyObjectives {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** A request's objectives, from the headers of both generations. A value that is no positive number counts as none. */
export const objectivesOf = ({ headers }: SchedulingRequest): LatencyObjectives => ({
  ttftMs: positive(headers.get('x-llm-d-slo-ttft-ms') ?? headers.get('x-slo-ttft-ms')),
  tpotMs: positive(headers.get('x-llm-d-slo-tpot-ms') ?? headers.get('x-slo-tpot-ms')),
});

function positive(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isFinite(value) && value > 0 ? value : 0;
}
