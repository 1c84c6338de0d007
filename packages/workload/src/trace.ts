// SPDX-License-Identifier: Apache-2.0

/** One request of a trace: when it came and how long it was, without its text. */
export interface TraceRequest {
  /** Milliseconds since the start of the trace. */
  readonly atMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /**
   * Identity of each block of the prompt, first block first; two prompts share a prefix exactly as long as
   * their ids agree. Empty when the trace does not tell prompts apart.
   */
  readonly blockIds: readonly number[];
}

/** A part of a trace and the pace at which to replay it. */
export interface TraceSlice {
  /** Start of the slice on the trace's own time. Default 0. */
  readonly fromMs?: number;
  /** Length of the slice on the trace's own time, its end excluded. Default: to the end of the trace. */
  readonly durationMs?: number;
  /** How many times faster than recorded: 2 halves every gap. Above 0, default 1. */
  readonly speed?: number;
}

/** Requests of the slice, in order, their times counted from the start of the slice and divided by the speed. */
export function sliceTrace(
  trace: readonly TraceRequest[],
  slice: TraceSlice,
): readonly TraceRequest[] {
  const { fromMs = 0, durationMs = Infinity, speed = 1 } = slice;
  if (!(speed > 0)) throw new RangeError(`speed must be above 0, not ${speed}`);
  return trace
    .filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + durationMs)
    .map((request) => ({ ...request, atMs: (request.atMs - fromMs) / speed }));
}
