// SPDX-License-Identifier: Apache-2.0
import type { RequestFailure } from './target.ts';

/** Everything measured of one request. Instants count from the start of the run, latencies from the intended instant. */
export interface RequestRecord {
  readonly intendedAtMs: number;
  /** When it was really sent; missing when it was dropped. */
  readonly sentAtMs?: number;
  readonly sessionId?: string;
  /** Estimated length of the prompt. */
  readonly inputTokens: number;
  /** From the intended instant to the first piece of the answer; streaming only. */
  readonly ttftMs?: number;
  /** Mean time per output token after the first: (end of the answer - first piece) / (output tokens - 1). */
  readonly tpotMs?: number;
  /** From the intended instant to the end, good or bad. */
  readonly e2eMs: number;
  /** Tokens of the answer as the server counted them, else the pieces it came in. */
  readonly outputTokens: number;
  /** Length of the prompt as the server counted it. */
  readonly promptTokens?: number;
  /** Prompt tokens from the prefix cache, as the server counted them. */
  readonly cachedTokens?: number;
  readonly status?: number;
  /** The model server that answered, if it said so. */
  readonly endpoint?: string;
  /** Missing when all went well. */
  readonly failure?: RequestFailure;
}
